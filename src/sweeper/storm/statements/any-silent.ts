import { column, parameter, statement } from '../../../db/statement.ts';
import { ruleParameters, staleSpecial } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import { inPlainOrder, inSuspectOrder, isCountable, isHeardBefore } from './countable.ts';

/**
 * Whether there is any countable row that a sweep could mark stale, or a plain one that was last heard before this instant
 * ($before: the horizon, or a later one). The idle case ends here, after two index probes.
 */
export function anySilentStatement(tables: SweeperTables) {
  const { delegations } = tables;
  return statement({
    parameters: { ...ruleParameters, before: parameter.micros },
    columns: { any: column.boolean('count(*) > 0') },
    sql: (columns) => `
SELECT ${columns} FROM (
  (SELECT FROM ${delegations} d WHERE ${isHeardBefore('$before')} AND ${isCountable(tables)} ${inPlainOrder} LIMIT 1)
  UNION ALL
  (SELECT FROM ${delegations} d WHERE ${staleSpecial.matches} AND ${isCountable(tables)} ${inSuspectOrder} LIMIT 1)) probed`,
  });
}
