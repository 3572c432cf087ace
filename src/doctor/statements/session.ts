import { column, statement } from '../../db/statement.ts';

/** Settings that a pooler keeps in step with its clients. */
const TRACKED = [
  'client_encoding',
  'DateStyle',
  'TimeZone',
  'standard_conforming_strings',
  'application_name',
  'IntervalStyle',
];

/** The server's process, and settings that somebody else has left in its session. */
export function sessionStatement() {
  return statement({
    columns: {
      pid: column.wholeNumber('pg_backend_pid()'),
      inRecovery: column.boolean('pg_catalog.pg_is_in_recovery()'),
      left: column.json<readonly string[]>(`to_json(ARRAY(
    SELECT s.name FROM pg_catalog.pg_settings s
    WHERE s.source = 'session' AND s.name <> ALL('{${TRACKED.join(',')}}'::text[]) ORDER BY s.name))`),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}
