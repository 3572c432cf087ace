import { parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../pgboss-tables.ts';

/** Removes the jobs of these queues that were due at that instant and that no worker has: what they are for has been done. */
export function removeDueStatement({ job }: PgBossTables) {
  return statement({
    parameters: { queues: parameter.texts, due: parameter.micros },
    sql: `DELETE FROM ${job} WHERE name = ANY($queues) AND state < 'active' AND NOT blocked AND start_after <= $due`,
  });
}
