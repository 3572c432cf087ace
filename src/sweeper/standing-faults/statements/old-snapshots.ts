import { column, parameter, statement } from '../../../db/statement.ts';
import { sessionColumns } from './session-columns.ts';

const SESSIONS_MAX = 5;

/** Sessions with a snapshot older than this. That of a VACUUM holds up nothing; an index that is being built ends by itself. */
export function oldSnapshotsStatement() {
  return statement({
    parameters: { olderThan: parameter.interval },
    columns: { subject: column.text(`a.pid || '/' || extract(epoch FROM a.backend_start)`), ...sessionColumns },
    sql: (columns) => `
SELECT ${columns}
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
  AND a.backend_type IS DISTINCT FROM 'autovacuum worker' AND a.xact_start < clock_timestamp() - $olderThan
  AND a.pid NOT IN (SELECT p.pid FROM pg_stat_progress_vacuum p UNION ALL SELECT p.pid FROM pg_stat_progress_create_index p)
ORDER BY a.xact_start LIMIT ${SESSIONS_MAX}`,
  });
}
