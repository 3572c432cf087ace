import { column, parameter, statement } from '../../../db/statement.ts';
import { sessionColumns } from './session-columns.ts';

const SESSIONS_MAX = 5;

/** Sessions with a snapshot older than this. An autovacuum worker's own snapshot holds up nothing. */
export function oldSnapshotsStatement() {
  return statement({
    parameters: { olderThan: parameter.interval },
    columns: { subject: column.text(`a.pid || '/' || extract(epoch FROM a.backend_start)`), ...sessionColumns },
    sql: (columns) => `
SELECT ${columns}
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
  AND a.backend_type IS DISTINCT FROM 'autovacuum worker' AND a.xact_start < clock_timestamp() - $olderThan
ORDER BY a.xact_start LIMIT ${SESSIONS_MAX}`,
  });
}
