import { column, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

/** Activities that are looked at, newest first. */
const ROWS_MAX = 1_000;

/** Roles that are actors of transitions: the database adds the activity of a plain UPDATE or INSERT so, and an agent may have a role's name. */
export function foreignWritersStatement({ activityLogs }: SweeperTables) {
  return statement({
    columns: { role: column.text('a.actor'), transitions: column.wholeNumber('count(*)') },
    sql: (columns) => `
SELECT ${columns}
FROM (SELECT * FROM ${activityLogs} ORDER BY activity_id DESC LIMIT ${ROWS_MAX}) a
WHERE a.to_status IS NOT NULL AND a.actor NOT IN ('ledger', 'sweeper')
  AND EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = a.actor)
GROUP BY a.actor ORDER BY count(*) DESC, a.actor LIMIT 5`,
  });
}
