import { column, nullable, statement } from '../../db/statement.ts';

/** How many connections there may be, and how many there are. A limit of -1 is none. */
export function connectionsStatement() {
  const setting = (name: string) => `coalesce(pg_catalog.current_setting('${name}', true), '0')`;
  return statement({
    columns: {
      max: column.wholeNumber(setting('max_connections')),
      reserved: column.wholeNumber(
        `${setting('superuser_reserved_connections')}::int + ${setting('reserved_connections')}::int`,
      ),
      // backend_type is hidden for other roles' sessions. Datid and usesysid are not; the server's own processes lack one of them.
      used: column.wholeNumber(
        `(SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid IS NOT NULL AND a.usesysid IS NOT NULL
          AND coalesce(a.backend_type, 'client backend') = 'client backend')`,
      ),
      databaseLimit: column.wholeNumber(
        '(SELECT d.datconnlimit FROM pg_catalog.pg_database d WHERE d.datname = current_database())',
      ),
      roleLimit: nullable(
        column.wholeNumber('(SELECT r.rolconnlimit FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)'),
      ),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}
