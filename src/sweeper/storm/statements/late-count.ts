import { column, parameter, statement } from '../../../db/statement.ts';
import { ruleParameters } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import { LATE_FROM_BIN } from '../ages.ts';
import { ageBinOf, inPlainOrder, inSuspectOrder, isExpected, isHeardBefore } from './countable.ts';

/**
 * How many rows may have fallen silent together: plain ones that were last heard before this instant, and special ones of the
 * same age in parts of their thresholds. Counted no further than $rowsMax, which ends the scan early in a fleet of any age.
 */
export function lateCountStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: { ...ruleParameters, before: parameter.micros, rowsMax: parameter.wholeNumber },
    columns: { rows: column.wholeNumber('count(*)') },
    sql: (columns) => `
SELECT ${columns} FROM (
  (SELECT FROM ${delegations} d WHERE ${isHeardBefore('$before')} ${inPlainOrder} LIMIT $rowsMax)
  UNION ALL
  (SELECT FROM ${delegations} d
   WHERE ${isExpected} AND d.last_heartbeat IS NOT NULL AND ${ageBinOf} >= ${LATE_FROM_BIN} ${inSuspectOrder} LIMIT $rowsMax)) late`,
  });
}
