import { statement } from '../../../db/statement.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';
import { aheadOf } from './ahead.ts';

/** Lets pg-boss's periodic tasks run again: they wait for an instant that lies in the future. */
export function resetTasksStatement(tables: PgBossTables) {
  const { where, set } = aheadOf(tables).tasks;
  return statement({ sql: `UPDATE ${tables.version} SET ${set} WHERE ${where}` });
}
