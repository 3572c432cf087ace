import type { Parameter } from '../../../db/parameter.ts';
import { literal } from '../../../db/literal.ts';
import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { CALLEES_MAX, OTHER_CALLEES, type StoredCounts } from '../callee-counts.ts';
import { today, WINDOW_DAYS } from './window.ts';

const counts: Parameter<readonly StoredCounts[]> = parameter.json;

const histograms = ['gaps', 'longest', 'detected'] as const;

/** SQL: of the rows of one callee in `placed`, the sum of their histograms. */
const summed = (name: string) => `coalesce((
    SELECT jsonb_object_agg(h.key, h.count) FROM (
      SELECT e.key, sum(e.value::bigint) AS count FROM placed q, jsonb_each_text(q.${name}) e
      WHERE q.callee_id = p.callee_id GROUP BY e.key) h), '{}')`;

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
SELECT ${today}, p.callee_id, sum(p.started), sum(p.sampled), sum(p.own), min(p."ownMinMs"), max(p."ownMaxMs"),
  ${histograms.map(summed).join(', ')}
FROM placed p GROUP BY p.callee_id
-- Two daemons that add to the same rows lock them in the same order.
ORDER BY p.callee_id
ON CONFLICT (day, callee_id) DO UPDATE SET started = a.started + excluded.started, sampled = a.sampled + excluded.sampled,
  own = a.own + excluded.own, own_min_ms = least(a.own_min_ms, excluded.own_min_ms),
  own_max_ms = greatest(a.own_max_ms, excluded.own_max_ms), ${histograms.map(added).join(', ')}`,
  });
}
