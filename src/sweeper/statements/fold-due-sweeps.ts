import { parameter, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../tables.ts';

/** So much of a day is folded into one row; the bars of the status page are three of them. */
const FOLDED = "interval '5 minutes'";
const CALLEES_KEPT = 5;
const MARKS_KEPT = 10;

/**
 * Folds the sweeps that had the trigger `due` in the five minutes of `startedAt` into the first of them, all but the
 * last: there may be one a second, and the day's figures and picture are to cost no more than with the ticks alone. Sums
 * and extremes stay; each mark keeps the instant of its sweep.
 */
export function foldDueSweepsStatement({ sweeps }: SweeperTables) {
  const mark = `jsonb_build_object('atUs', (extract(epoch FROM e.started_at) * 1000000)::bigint) || m.mark`;
  return statement({
    parameters: { startedAt: parameter.micros },
    sql: `
WITH span AS MATERIALIZED (
  SELECT s.*, row_number() OVER (ORDER BY s.started_at, s.sweep_id) AS place, count(*) OVER () AS places FROM ${sweeps} s
  WHERE s.trigger = 'due' AND s.started_at >= date_bin(${FOLDED}, $startedAt, '1970-01-01 00:00:00+00'::timestamptz)
    AND s.started_at < date_bin(${FOLDED}, $startedAt, '1970-01-01 00:00:00+00'::timestamptz) + ${FOLDED}),
removed AS (
  DELETE FROM ${sweeps} s USING span e WHERE s.sweep_id = e.sweep_id AND e.place > 1 AND e.place < e.places
  RETURNING s.sweep_id),
-- Of two that fold at once each has the rows that it removed.
folded AS MATERIALIZED (
  SELECT e.* FROM span e WHERE e.place = 1 AND e.places > 2
  UNION ALL SELECT e.* FROM span e JOIN removed r ON r.sweep_id = e.sweep_id)
UPDATE ${sweeps} s SET sweeps = f.sweeps, stuck = f.stuck, stalled = f.stalled, failed = f.failed,
  retried = f.retried, poisoned = f.poisoned, remaining = f.remaining, truncated = f.truncated, held = f.held, batches = f.batches, duration_ms = f.duration_ms,
  unobserved_ms = f.unobserved_ms, callees = (
    SELECT coalesce(jsonb_agg(jsonb_build_object('calleeId', c.id, 'count', c.rows) ORDER BY c.rows DESC, c.id), '[]')
    FROM (
      SELECT callee.value ->> 'calleeId' AS id, sum((callee.value ->> 'count')::bigint) AS rows
      FROM folded e, jsonb_array_elements(e.callees) callee GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${CALLEES_KEPT}) c),
  marks = (
    SELECT coalesce(jsonb_agg(k.mark ORDER BY k.started_at, k.position), '[]')
    FROM (
      SELECT ${mark} AS mark, e.started_at, m.position
      FROM folded e, jsonb_array_elements(e.marks) WITH ORDINALITY m (mark, position)
      ORDER BY e.started_at DESC, m.position DESC LIMIT ${MARKS_KEPT}) k)
FROM (
  SELECT sum(sweeps) AS sweeps, sum(stuck) AS stuck, sum(stalled) AS stalled, sum(failed) AS failed,
    sum(retried) AS retried, sum(poisoned) AS poisoned, max(remaining) AS remaining, bool_or(truncated) AS truncated, bool_or(held) AS held, sum(batches) AS batches,
    max(duration_ms) AS duration_ms, max(unobserved_ms) AS unobserved_ms, count(*) AS rows FROM folded) f
WHERE f.rows > 1 AND s.sweep_id = (SELECT e.sweep_id FROM span e WHERE e.place = 1)`,
  });
}
