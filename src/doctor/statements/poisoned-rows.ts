import { column, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

const ROWS_MAX = 1_000;
const SHOWN_MAX = 5;

/** Rows whose update the database refused to a sweep, those last logged first; still open. */
export function poisonedRowsStatement({ notices, delegations }: SweeperTables) {
  return statement({
    columns: {
      rows: column.wholeNumber('count(*)'),
      examples: column.json<readonly string[]>(
        `to_json(coalesce((array_agg(p.subject ORDER BY p.noticed_at DESC))[1:${SHOWN_MAX}], ARRAY[]::text[]))`,
      ),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT n.subject, n.noticed_at FROM ${notices} n
  WHERE n.kind = 'poisoned' AND EXISTS (
    SELECT FROM ${delegations} d WHERE d.delegation_id = n.subject COLLATE "C" AND d.finished_at IS NULL OFFSET 0)
  LIMIT ${ROWS_MAX}) p`,
  });
}
