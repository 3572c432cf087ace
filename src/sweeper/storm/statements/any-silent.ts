import { column, parameter, statement } from '../../../db/statement.ts';
import { ruleParameters } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import { inOrder, isCountable, isHeardBefore } from './countable.ts';

/** Whether any countable row was last heard before this instant. The idle case ends here. */
export function anySilentStatement(tables: SweeperTables) {
  return statement({
    parameters: { ...ruleParameters, before: parameter.micros },
    columns: { any: column.boolean('count(*) > 0') },
    sql: (columns) => `
SELECT ${columns} FROM (
  SELECT FROM ${tables.delegations} d WHERE ${isHeardBefore('$before')} AND ${isCountable(tables)} ${inOrder} LIMIT 1) probed`,
  });
}
