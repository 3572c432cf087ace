import { column, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { type Rule, ruleParameters } from '../rules.ts';
import { isWithin, rangeParameters } from './places.ts';
import { isNotSpared, type Sparing, sparedParameters } from './poisoned.ts';

/** The keys of a batch's rows, in order. Locks nothing. */
export function batchKeysStatement(tables: SweeperTables, rule: Rule, sparing: Sparing = { someKnown: false }) {
  return statement({
    parameters: { ...ruleParameters, ...rangeParameters, ...sparedParameters, rowsMax: parameter.wholeNumber },
    columns: { delegationId: column.text('d.delegation_id') },
    sql: (columns) => `
SELECT ${columns}
FROM ${tables.delegations} d
WHERE ${rule.matches} AND ${isWithin(rule)} AND ${isNotSpared(tables, sparing)}
ORDER BY d.${rule.key}, d.delegation_id LIMIT $rowsMax`,
  });
}
