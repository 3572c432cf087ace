import { literal } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import type { StoredHistogram } from '../buckets.ts';
import { OTHER_CALLEES } from '../callee-counts.ts';
import { today, WINDOW_DAYS } from './window.ts';

/** SQL: by callee, the sum of a histogram over the days. */
const summed = (name: string) => `(
    SELECT w.callee_id, jsonb_object_agg(w.key, w.count) AS counts FROM (
      SELECT d.callee_id, e.key, sum(e.value::bigint) AS count
      FROM days d, jsonb_each_text(d.${name}) e GROUP BY d.callee_id, e.key) w
    GROUP BY w.callee_id) ${name}`;

/** What was counted in the window, of the callees with most evidence, and of those that have no row of their own last. */
export function evidenceStatement({ advice }: SweeperTables) {
  const histogram = (name: string) => column.json<StoredHistogram>(`coalesce(${name}.counts, '{}')`);
  return statement({
    parameters: { calleeId: nullable(parameter.text), calleesMax: parameter.wholeNumber },
    columns: {
      calleeId: column.text('c.callee_id'),
      started: column.wholeNumber('c.started'),
      own: column.wholeNumber('c.own'),
      ownMinMs: nullable(column.wholeNumber('c.own_min_ms')),
      ownMaxMs: nullable(column.wholeNumber('c.own_max_ms')),
      gaps: histogram('gaps'),
      longest: histogram('longest'),
      detected: histogram('detected'),
      /** Callees that there is evidence about. */
      callees: column.wholeNumber('c.callees'),
    },
    sql: (columns) => `
WITH chosen AS MATERIALIZED (
  SELECT t.*, count(*) FILTER (WHERE t.callee_id <> ${literal(OTHER_CALLEES)}) OVER () AS callees FROM (
    SELECT a.callee_id, sum(a.started) AS started, sum(a.sampled) AS sampled, sum(a.own) AS own,
      min(a.own_min_ms) AS own_min_ms, max(a.own_max_ms) AS own_max_ms
    FROM ${advice} a
    WHERE a.day > ${today} - ${WINDOW_DAYS} AND ($calleeId IS NULL OR a.callee_id = $calleeId)
    GROUP BY a.callee_id) t
  ORDER BY t.callee_id = ${literal(OTHER_CALLEES)}, t.sampled DESC, t.started DESC, t.callee_id LIMIT $calleesMax),
-- The histograms of these alone, by their keys: those of all callees are too much to keep in memory.
days AS MATERIALIZED (
  SELECT a.callee_id, a.gaps, a.longest, a.detected
  FROM chosen, generate_series(0, ${WINDOW_DAYS} - 1) back, LATERAL (
    SELECT * FROM ${advice} a WHERE a.day = ${today} - back AND a.callee_id = chosen.callee_id LIMIT 1) a)
SELECT ${columns}
FROM chosen c
LEFT JOIN ${summed('gaps')} USING (callee_id)
LEFT JOIN ${summed('longest')} USING (callee_id)
LEFT JOIN ${summed('detected')} USING (callee_id)
ORDER BY c.callee_id = ${literal(OTHER_CALLEES)}, c.sampled DESC, c.started DESC, c.callee_id`,
  });
}
