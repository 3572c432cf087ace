import { installSchemas } from '../../src/compose/install.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { CopiedLedger } from './copied-ledger.ts';

/** Each in a schema of its own: the first as `migrate up` makes it, the others as copies. Returns their names. */
export async function installLedgers(database: LedgerDatabase, count: number): Promise<string[]> {
  const first = 'ledger_1';
  const others = Array.from({ length: count - 1 }, (_, i) => `ledger_${i + 2}`);
  await database.query(`CREATE SCHEMA ${first}`);
  await installSchemas({ location: { url: database.url }, dbSchema: first, pgbossSchema: 'pgboss' });
  const session = await database.pool.connect();
  try {
    const ledger = await CopiedLedger.of(session, first);
    for (const schema of others) await ledger.copyTo(session, schema);
  } finally {
    session.release(true);
  }
  return [first, ...others];
}
