import { Statement, wholeNumber } from '../../db/positional-statement.ts';
import { isNotKnownPoison } from '../pass/mark.ts';
import { overdue, type Rule, stale } from '../pass/rules.ts';
import type { SweeperTables } from '../tables.ts';

/**
 * SQL: a rule's rows in the order of its index. Where only a count is wanted the order says nothing, but it keeps the
 * planner on the index: with statistics from when everything was in progress it would rather read the table.
 */
const inOrder = ({ key }: Rule) => `ORDER BY d.${key}, d.delegation_id`;

/** Most that `remaining` counts to, both rules together. */
export const REMAINING_COUNT_MAX = 10_000;

export interface CalleeCount {
  readonly calleeId: string;
  readonly count: number;
}

export interface RemainingCount {
  readonly overdue: number;
  readonly stale: number;
}

/** What still matches each rule, each counted to the maximum. Parameters: $1 now, $2 staleness. */
export function remainingStatement({ delegations }: SweeperTables): Statement<RemainingCount> {
  const count = (rule: Rule) => `(SELECT ${wholeNumber('count(*)')}
  FROM (SELECT FROM ${delegations} d WHERE ${rule.matches} ${inOrder(rule)} LIMIT ${REMAINING_COUNT_MAX}) counted) AS "${rule.name}"`;
  return new Statement(`SELECT ${count(overdue)}, ${count(stale)}`);
}

export interface MatchingRow {
  readonly delegationId: string;
  readonly latenessMs: number;
}

/** What a sweep would mark, oldest first: no row whose update is known to raise. Parameters: $1 now, $2 staleness, $3 rows at most. */
export function matchingStatement(tables: SweeperTables, rule: Rule): Statement<MatchingRow> {
  return new Statement(`
SELECT d.delegation_id AS "delegationId",
  ${wholeNumber(`floor(extract(epoch FROM ${rule.lateness}) * 1000)`)} AS "latenessMs"
FROM ${tables.delegations} d WHERE ${rule.matches} AND ${isNotKnownPoison(tables)}
${inOrder(rule)} LIMIT $3::int`);
}
