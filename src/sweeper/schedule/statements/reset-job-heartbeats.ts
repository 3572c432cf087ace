import { parameter, statement } from '../../../db/statement.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';
import { aheadOf } from './ahead.ts';

/** A living worker sends its next heartbeat within seconds; a dead one is found by its silence from now on. */
export function resetJobHeartbeatsStatement(tables: PgBossTables) {
  const { where, set } = aheadOf(tables).alive;
  return statement({
    parameters: { queue: parameter.text },
    sql: `UPDATE ${tables.job} SET ${set} WHERE ${where}`,
  });
}
