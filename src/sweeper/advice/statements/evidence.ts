import { literal } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import type { StoredHistogram } from '../buckets.ts';
import { OTHER_CALLEES } from '../callee-counts.ts';
import { today, WINDOW_DAYS } from './window.ts';

/** SQL: the sum of a histogram over the days, by callee. */
const summed = (name: string) => `(
    SELECT w.callee_id, jsonb_object_agg(w.key, w.count) AS counts FROM (
      SELECT d.callee_id, e.key, sum(e.value::bigint) AS count
      FROM days d JOIN chosen USING (callee_id), jsonb_each_text(d.${name}) e GROUP BY d.callee_id, e.key) w
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
WITH days AS MATERIALIZED (
  SELECT * FROM ${advice} a WHERE a.day > ${today} - ${WINDOW_DAYS} AND ($calleeId IS NULL OR a.callee_id = $calleeId)),
chosen AS MATERIALIZED (
  SELECT t.*, count(*) FILTER (WHERE t.callee_id <> ${literal(OTHER_CALLEES)}) OVER () AS callees FROM (
    SELECT d.callee_id, sum(d.started) AS started, sum(d.sampled) AS sampled, sum(d.own) AS own,
      min(d.own_min_ms) AS own_min_ms, max(d.own_max_ms) AS own_max_ms
    FROM days d GROUP BY d.callee_id) t
  ORDER BY t.callee_id = ${literal(OTHER_CALLEES)}, t.sampled DESC, t.started DESC, t.callee_id LIMIT $calleesMax)
SELECT ${columns}
FROM chosen c
LEFT JOIN ${summed('gaps')} USING (callee_id)
LEFT JOIN ${summed('longest')} USING (callee_id)
LEFT JOIN ${summed('detected')} USING (callee_id)
ORDER BY c.callee_id = ${literal(OTHER_CALLEES)}, c.sampled DESC, c.started DESC, c.callee_id`,
  });
}
