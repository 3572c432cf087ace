import { literal, Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { SweeperTables } from '../tables.ts';

/** Late results that are counted at most: each costs a look at its delegation. */
const LATE_RESULTS_MAX = 10_000;

/** SQL: when the day that is looked back on began. */
const dayAgo = `clock_timestamp() - interval '1 day'`;

/** The last 24 hours. */
export interface Day {
  readonly sweeps: number;
  readonly stuck: number;
  readonly failed: number;
  /** Of the delegations marked stuck, those that delivered a result all the same. Counted to 10,000 at most. */
  readonly lateResults: number;
  /** Time that no daemon's beat covered, the one since the last beat not included. */
  readonly unobservedMs: number;
}

/** A day's sweeps, late results and gaps, by their own indexes: its cost follows neither the fleet nor the history. */
export function dayStatement({ sweeps, activityLogs, delegations, gaps }: SweeperTables): Statement<Day> {
  return new Statement(`
SELECT s.*, l.*, g.*
FROM (
  SELECT ${wholeNumber('count(*)')} AS "sweeps", ${wholeNumber('coalesce(sum(stuck), 0)')} AS "stuck",
    ${wholeNumber('coalesce(sum(failed), 0)')} AS "failed"
  FROM ${sweeps} WHERE started_at >= ${dayAgo}) s,
(
  SELECT ${wholeNumber('count(DISTINCT late.delegation_id)')} AS "lateResults"
  FROM (
    SELECT a.delegation_id FROM ${activityLogs} a
    WHERE a.to_status IS NULL AND a.created_at >= ${dayAgo} AND a.event = 'delegation.late_result'
      AND a.from_status = ${literal('stuck')} AND a.detail ->> 'attempted' <> ${literal('stuck')}
    LIMIT ${LATE_RESULTS_MAX}) late
  JOIN ${delegations} d ON d.delegation_id = late.delegation_id AND d.finished_at >= ${dayAgo}) l,
(
  SELECT ${wholeNumber(`coalesce(sum(floor(extract(epoch FROM gap_end - greatest(gap_start, ${dayAgo})) * 1000)), 0)`)} AS "unobservedMs"
  FROM ${gaps} WHERE gap_end > ${dayAgo}) g`);
}

/** The measured false-positive rate: late results over delegations marked stuck. Null when none was marked. */
export function falsePositiveRatio({ stuck, lateResults }: Pick<Day, 'stuck' | 'lateResults'>): number | null {
  // A sweep that failed midway is not among the day's sweeps, though its marks may have late results.
  return stuck === 0 ? null : Math.min(1, lateResults / stuck);
}
