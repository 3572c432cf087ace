import { column, statement } from '../../db/statement.ts';

/** How far the database is from having to be frozen. */
export function transactionIdsStatement() {
  return statement({
    columns: {
      databaseAge: column.wholeNumber('pg_catalog.age(d.datfrozenxid)'),
      freezeMax: column.wholeNumber(`pg_catalog.current_setting('autovacuum_freeze_max_age')`),
    },
    sql: (columns) => `SELECT ${columns} FROM pg_catalog.pg_database d WHERE d.datname = current_database()`,
  });
}
