import type { RowOf } from '../../../db/column.ts';
import { column, parameter, statement } from '../../../db/statement.ts';
import type { CalleeCount } from '../../callee-count.ts';
import { ruleParameters } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import { inOrder, isCountable, isHeardBefore, ROWS_COUNTED_MAX } from './countable.ts';

/** Callees named in an event. */
const CALLEES_NAMED_MAX = 5;

const columns = {
  callees: column.wholeNumber('count(*)'),
  /** The callees with most of them, most first. */
  top: column.json<readonly CalleeCount[]>(`
  coalesce((SELECT json_agg(json_build_object('calleeId', callee_id, 'count', rows) ORDER BY rows DESC, callee_id)
            FROM (SELECT * FROM per ORDER BY rows DESC, callee_id LIMIT ${CALLEES_NAMED_MAX}) named), '[]')`),
};

export type SilentCallees = RowOf<typeof columns>;

/** The callees of the countable rows that were last heard before this instant. */
export function silentCalleesStatement(tables: SweeperTables) {
  return statement({
    parameters: { ...ruleParameters, before: parameter.micros },
    columns,
    sql: (list) => `
WITH silent AS (
  SELECT d.callee_id FROM ${tables.delegations} d
  WHERE ${isHeardBefore('$before')} AND ${isCountable(tables)}
  ${inOrder} LIMIT ${ROWS_COUNTED_MAX}),
per AS (SELECT callee_id, count(*) AS rows FROM silent GROUP BY callee_id)
SELECT ${list} FROM per`,
  });
}
