import { column, parameter, statement } from '../../../db/statement.ts';
import { timestampOf } from '../../instant.ts';
import { horizon, ruleParameters, stale } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import { AGE_BINS } from '../ages.ts';
import {
  ageBinOf,
  classOf,
  inPlainOrder,
  inSuspectOrder,
  isCountable,
  isCountableOfAll,
  isExpected,
  isOpen,
  ROWS_COUNTED_MAX,
} from './countable.ts';

/** The class of the plain rows. */
export const PLAIN_CLASS = 0;

/**
 * The rows in progress that are expected to be heard, by class of threshold and by age, youngest first; the last age is
 * what is past the threshold. Overdue rows are left out. $bounds: the instants that part the ages
 * of plain rows, oldest first, in Micros. A class without rows is left out, except that of the plain ones.
 */
export function ageCountStatement(tables: SweeperTables) {
  return statement({
    parameters: { ...ruleParameters, bounds: parameter.numbers },
    columns: {
      class: column.wholeNumber('c.class'),
      stale: column.wholeNumber(`coalesce(max(a.rows) FILTER (WHERE b.bin = ${AGE_BINS}), 0)`),
      rowsByAge: column.json<readonly number[]>('json_agg(coalesce(a.rows, 0) ORDER BY b.bin)'),
    },
    sql: (columns) => `
WITH plain AS (
  SELECT d.last_heartbeat < ${horizon} AND ${stale.matches} AS is_stale, width_bucket(d.last_heartbeat,
    ARRAY(SELECT ${timestampOf('us')} FROM unnest($bounds) WITH ORDINALITY parts (us, n) ORDER BY n)) AS bucket
  FROM ${tables.delegations} d
  WHERE ${isOpen} AND d.suspect_at IS NULL AND d.last_heartbeat IS NOT NULL AND ${isCountableOfAll(tables, horizon)}
  ${inPlainOrder} LIMIT ${ROWS_COUNTED_MAX}),
special AS (
  SELECT ${classOf} AS class, ${ageBinOf} AS bin
  FROM ${tables.delegations} d
  WHERE ${isExpected} AND d.last_heartbeat IS NOT NULL AND ${isCountable(tables)}
  ${inSuspectOrder} LIMIT ${ROWS_COUNTED_MAX}),
ages AS (
  -- What is past the horizon and yet not stale is judged by a longer threshold.
  SELECT ${PLAIN_CLASS} AS class,
    CASE WHEN is_stale THEN ${AGE_BINS} ELSE least(${AGE_BINS - 1}, ${AGE_BINS} - bucket) END AS bin, count(*) AS rows
  FROM plain GROUP BY 2
  UNION ALL
  SELECT class, bin, count(*) FROM special GROUP BY 1, 2),
classes AS (SELECT ${PLAIN_CLASS} AS class UNION SELECT class FROM ages)
SELECT ${columns}
FROM classes c CROSS JOIN generate_series(0, ${AGE_BINS}) b (bin) LEFT JOIN ages a ON a.class = c.class AND a.bin = b.bin
GROUP BY c.class ORDER BY c.class`,
  });
}
