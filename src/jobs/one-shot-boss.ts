import { PgBoss } from 'pg-boss';
import { type ConnectionOptions, poolConfig } from '../db/connection.ts';
import { verbatim } from './pgboss-tables.ts';

/** pg-boss for a command: it supervises nothing and runs no schedule. Disposing it ends its connections. */
export interface OneShotBoss extends AsyncDisposable {
  readonly pgBoss: PgBoss;
}

/** @throws the database's error, or where pg-boss is not installed. */
export async function openBoss(connection: ConnectionOptions, pgbossSchema: string): Promise<OneShotBoss> {
  const pgBoss = new PgBoss({
    ...poolConfig(connection),
    schema: verbatim(pgbossSchema),
    migrate: false,
    createSchema: false,
    supervise: false,
    schedule: false,
    registerInstance: false,
  });
  pgBoss.on('error', () => {}); // an error that matters rejects the call
  const stop = () => pgBoss.stop({ graceful: false });
  try {
    await pgBoss.start();
  } catch (err) {
    await stop().catch(() => {});
    throw err;
  }
  return { pgBoss, [Symbol.asyncDispose]: stop };
}
