import { parameter, statement } from '../../../db/statement.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';
import { aheadOf } from './ahead.ts';

/** Makes jobs of the queue due that wait for an instant in the future, and keep new ones out of the queue meanwhile. */
export function resetDelayedJobsStatement(tables: PgBossTables) {
  const { where, set } = aheadOf(tables).delayed;
  return statement({
    parameters: { queue: parameter.text },
    sql: `UPDATE ${tables.job} SET ${set} WHERE ${where}`,
  });
}
