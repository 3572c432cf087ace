import { column, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../pgboss-tables.ts';

/** The version of pg-boss's schema. Raises 42P01 where there is none. */
export function pgBossVersionStatement({ version }: PgBossTables) {
  return statement({
    columns: { version: column.wholeNumber('v.version') },
    sql: (columns) => `SELECT ${columns} FROM ${version} v`,
  });
}
