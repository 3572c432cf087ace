import { literal } from '../../db/literal.ts';
import { column, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

/** Columns that a heartbeat changes. A generated column that is indexed, the bucket, changes every five minutes alone. */
const STAMPED = ['last_heartbeat', 'progress', 'progress_at'];

/** Indexes of delegations that hold a column, or have a condition over one, that a heartbeat changes. */
export function heartbeatIndexesStatement({ delegations }: Pick<SweeperTables, 'delegations'>) {
  return statement({
    columns: {
      index: column.text('x.index_name'),
      columns: column.text('x.columns'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT i.indexrelid::regclass::text AS index_name, string_agg(DISTINCT a.attname::text, ', ') AS columns
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indrelid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid
  WHERE i.indrelid = ${literal(delegations)}::regclass AND a.attname = ANY('{${STAMPED.join(',')}}')
  GROUP BY i.indexrelid) x ORDER BY 1`,
  });
}
