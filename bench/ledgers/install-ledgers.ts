import { installSchemas } from '../../src/compose/install.ts';
import type { LedgerDatabase } from '../ledger-database.ts';

/** Each in a schema of its own, two at once. Returns their names. */
export async function installLedgers(database: LedgerDatabase, count: number): Promise<string[]> {
  const schemas = Array.from({ length: count }, (_, i) => `ledger_${i + 1}`);
  const left = [...schemas];
  const install = async () => {
    for (let schema = left.shift(); schema !== undefined; schema = left.shift()) {
      await database.query(`CREATE SCHEMA ${schema}`);
      await installSchemas({ location: { url: database.url }, dbSchema: schema, pgbossSchema: 'pgboss' });
    }
  };
  await Promise.all([install(), install()]);
  return schemas;
}
