import { literal } from '../../../db/literal.ts';
import type { Parameter } from '../../../db/parameter.ts';
import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { CALLEES_MAX, OTHER_CALLEES, type StoredCounts } from '../callee-counts.ts';
import { today, WINDOW_DAYS } from './window.ts';

const counts: Parameter<readonly StoredCounts[]> = parameter.json;

const histograms = ['gaps', 'longest', 'detected'] as const;

/** SQL: by callee, the sum of its histograms in `placed`. */
const summed = (name: string) => `(
  SELECT h.callee_id, jsonb_object_agg(h.key, h.count) AS counts FROM (
    SELECT q.callee_id, e.key, sum(e.value::bigint) AS count FROM placed q, jsonb_each_text(q.${name}) e
    GROUP BY q.callee_id, e.key) h
  GROUP BY h.callee_id) ${name}`;

/** SQL: the sum of the stored histogram and the new one. */
const added = (name: string) => `${name} = (
    SELECT coalesce(jsonb_object_agg(h.key, h.count), '{}') FROM (
      SELECT e.key, sum(e.value::bigint) AS count
      FROM (SELECT * FROM jsonb_each_text(a.${name}) UNION ALL SELECT * FROM jsonb_each_text(excluded.${name})) e
      GROUP BY e.key) h)`;

/**
 * Adds what was counted to the day's rows, and removes those that no advice reads any more. Once a day has as many rows as
 * it may have, what is counted of further callees goes into one row together.
 */
export function addCountsStatement({ advice }: SweeperTables) {
  return statement({
    parameters: { counts },
    sql: `
WITH pruned AS (DELETE FROM ${advice} WHERE day <= ${today} - ${WINDOW_DAYS}),
given AS MATERIALIZED (
  SELECT g.*, row_number() OVER (ORDER BY g.sampled DESC, g."calleeId") AS place
  FROM jsonb_to_recordset($counts) g ("calleeId" text, started bigint, sampled bigint, own bigint,
    "ownMinMs" bigint, "ownMaxMs" bigint, gaps jsonb, longest jsonb, detected jsonb)),
placed AS MATERIALIZED (
  SELECT g.*, CASE
    WHEN EXISTS (SELECT FROM ${advice} a WHERE a.day = ${today} AND a.callee_id = g."calleeId")
      OR (SELECT count(*) FROM ${advice} a WHERE a.day = ${today}) + g.place <= ${CALLEES_MAX}
    THEN g."calleeId" ELSE ${literal(OTHER_CALLEES)} END AS callee_id
  FROM given g)
INSERT INTO ${advice} AS a (day, callee_id, started, sampled, own, own_min_ms, own_max_ms, ${histograms.join(', ')})
SELECT ${today}, p.callee_id, p.started, p.sampled, p.own, p.own_min_ms, p.own_max_ms,
  ${histograms.map((name) => `coalesce(${name}.counts, '{}')`).join(', ')}
FROM (
  SELECT q.callee_id, sum(q.started) AS started, sum(q.sampled) AS sampled, sum(q.own) AS own,
    min(q."ownMinMs") AS own_min_ms, max(q."ownMaxMs") AS own_max_ms
  FROM placed q GROUP BY q.callee_id) p
${histograms.map((name) => `LEFT JOIN ${summed(name)} USING (callee_id)`).join(' ')}
-- Two daemons that add to the same rows lock them in the same order.
ORDER BY p.callee_id
ON CONFLICT (day, callee_id) DO UPDATE SET started = a.started + excluded.started, sampled = a.sampled + excluded.sampled,
  own = a.own + excluded.own, own_min_ms = least(a.own_min_ms, excluded.own_min_ms),
  own_max_ms = greatest(a.own_max_ms, excluded.own_max_ms), ${histograms.map(added).join(', ')}`,
  });
}
