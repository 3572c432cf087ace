import { column, statement } from '../../db/statement.ts';

/** Which server this is. */
export function serverStatement() {
  return statement({
    columns: {
      versionNumber: column.wholeNumber(`pg_catalog.current_setting('server_version_num')`),
      version: column.text(`pg_catalog.current_setting('server_version')`),
      encoding: column.text(`pg_catalog.current_setting('server_encoding')`),
      inRecovery: column.boolean('pg_catalog.pg_is_in_recovery()'),
      role: column.text('current_user::text'),
      /** Whether it may see what other roles' sessions do. */
      seesSessions: column.boolean(`pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')`),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}
