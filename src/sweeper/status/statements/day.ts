import { column, statement } from '../../../db/statement.ts';
import { isFalseMark } from '../../false-mark.ts';
import type { SweeperTables } from '../../tables.ts';

/** Late results that are counted at most: each costs a look at its delegation. */
const LATE_RESULTS_MAX = 10_000;

/** SQL: the start of the last 24 hours. Not clock_timestamp(), which is volatile: no index could begin there. */
const dayAgo = `statement_timestamp() - interval '1 day'`;

/** The sweeps, late results and gaps of the last 24 hours, by their own indexes: the cost follows neither the fleet nor the history. */
export function dayStatement({ sweeps, activityLogs, delegations, gaps }: SweeperTables) {
  return statement({
    columns: {
      sweeps: column.wholeNumber('s.sweeps'),
      stuck: column.wholeNumber('s.stuck'),
      stalled: column.wholeNumber('s.stalled'),
      failed: column.wholeNumber('s.failed'),
      retried: column.wholeNumber('s.retried'),
      lateResults: column.wholeNumber('l.late_results'),
      unobservedMs: column.wholeNumber('g.unobserved_ms'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT coalesce(sum(sweeps), 0) AS sweeps, coalesce(sum(stuck), 0) AS stuck, coalesce(sum(stalled), 0) AS stalled,
    coalesce(sum(failed), 0) AS failed, coalesce(sum(retried), 0) AS retried
  FROM ${sweeps} WHERE started_at >= ${dayAgo}) s,
(
  SELECT count(DISTINCT late.delegation_id) AS late_results
  FROM (
    SELECT a.delegation_id FROM ${activityLogs} a
    WHERE a.created_at >= ${dayAgo} AND ${isFalseMark}
    LIMIT ${LATE_RESULTS_MAX}) late
  JOIN ${delegations} d ON d.delegation_id = late.delegation_id AND d.finished_at >= ${dayAgo}) l,
(
  SELECT coalesce(sum(floor(extract(epoch FROM gap_end - greatest(gap_start, ${dayAgo})) * 1000)), 0) AS unobserved_ms
  FROM ${gaps} WHERE gap_end > ${dayAgo}) g`,
  });
}
