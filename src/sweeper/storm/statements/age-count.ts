import { column, parameter, statement } from '../../../db/statement.ts';
import { timestampOf } from '../../instant.ts';
import { ruleParameters, stale } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import { AGE_BINS } from '../ages.ts';
import { inOrder, isCountable, isOpen, ROWS_COUNTED_MAX } from './countable.ts';

/**
 * The rows in progress by the age of their last heartbeat, youngest first; the last holds what is past the horizon. What
 * has passed its deadline is the other rule's. $bounds: the instants that part the ages, oldest first, in Micros.
 */
export function ageCountStatement(tables: SweeperTables) {
  return statement({
    parameters: { ...ruleParameters, bounds: parameter.numbers },
    columns: {
      stale: column.wholeNumber(`coalesce(max(a.rows) FILTER (WHERE bin = ${AGE_BINS}), 0)`),
      rowsByAge: column.json<readonly number[]>('json_agg(coalesce(a.rows, 0) ORDER BY bin)'),
    },
    sql: (columns) => `
WITH open AS (
  SELECT (${stale.matches}) AS is_stale, width_bucket(d.last_heartbeat,
    ARRAY(SELECT ${timestampOf('us')} FROM unnest($bounds) WITH ORDINALITY parts (us, n) ORDER BY n)) AS bucket
  FROM ${tables.delegations} d
  WHERE ${isOpen} AND d.last_heartbeat IS NOT NULL AND ${isCountable(tables)}
  ${inOrder} LIMIT ${ROWS_COUNTED_MAX}),
ages AS (
  -- What is past the horizon and yet not stale is judged by a longer threshold.
  SELECT CASE WHEN is_stale THEN ${AGE_BINS} ELSE least(${AGE_BINS - 1}, ${AGE_BINS} - bucket) END AS bin, count(*) AS rows
  FROM open GROUP BY 1)
SELECT ${columns}
FROM generate_series(0, ${AGE_BINS}) bin LEFT JOIN ages a USING (bin)`,
  });
}
