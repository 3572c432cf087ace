import { column, statement } from '../../../db/statement.ts';
import { inOrder, ruleParameters, stalled } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';

/** Whether any row matches the rule `stalled`: one index probe when none does. */
export function anyStalledStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: ruleParameters,
    columns: { any: column.boolean('count(*) > 0') },
    sql: (columns) => `
SELECT ${columns} FROM (SELECT FROM ${delegations} d WHERE ${stalled.matches} ${inOrder(stalled)} LIMIT 1) probed`,
  });
}
