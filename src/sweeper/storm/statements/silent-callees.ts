import type { RowOf } from '../../../db/column.ts';
import type { Parameter } from '../../../db/parameter.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { CalleeCount } from '../../callee-count.ts';
import { ruleParameters } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import {
  ageBinOf,
  classOf,
  inPlainOrder,
  inSuspectOrder,
  isCountable,
  isExpected,
  isHeardBefore,
  ROWS_COUNTED_MAX,
} from './countable.ts';

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

const fromBins: Parameter<Readonly<Record<number, number>>> = parameter.json;

/**
 * Whose rows fell silent: of the countable rows, the plain ones that were last heard before $before (null: none), and the
 * special ones whose age is in the first silent bin of their class, as $fromBins names it, or in an older one.
 */
export function silentCalleesStatement(tables: SweeperTables) {
  return statement({
    parameters: { ...ruleParameters, before: nullable(parameter.micros), fromBins },
    columns,
    sql: (list) => `
WITH silent AS (
  (SELECT d.callee_id FROM ${tables.delegations} d
   WHERE ${isHeardBefore('$before')} AND ${isCountable(tables)}
   ${inPlainOrder} LIMIT ${ROWS_COUNTED_MAX})
  UNION ALL
  (SELECT d.callee_id FROM ${tables.delegations} d
   WHERE $fromBins <> '{}' AND ${isExpected} AND ${ageBinOf} >= ($fromBins ->> (${classOf})::text)::int AND ${isCountable(tables)}
   ${inSuspectOrder} LIMIT ${ROWS_COUNTED_MAX})),
per AS (SELECT callee_id, count(*) AS rows FROM silent GROUP BY callee_id)
SELECT ${list} FROM per`,
  });
}
