import { readFileSync } from 'node:fs';
import type { LedgerDb } from '../src/db/schema.ts';
import { DelegationLedger } from '../test/upgrade/0.1.0/programs.js';
import { LedgerDatabase } from './ledger-database.ts';
import type { BenchServer } from './server.ts';

const dump = readFileSync(new URL('../test/upgrade/0.1.0/ledger.sql', import.meta.url), 'utf8');
const silent = { info() {}, warn() {}, error() {} };

/** The schema in which the dump has its ledger. */
export const OLD_SCHEMA = 'old';

/** A database with an empty ledger of version 0.1.0, which is what today's is compared with. */
export async function createOldLedger(server: BenchServer, name: string): Promise<LedgerDatabase> {
  await server.command(`CREATE DATABASE ${name}`);
  const database = new LedgerDatabase(server.urlOf(name), () =>
    server.command(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  );
  // One session, since the dump sets its search path.
  const session = await database.pool.connect();
  await session.query(dump);
  await session.query('TRUNCATE old.delegations, old.activity_logs');
  session.release(true);
  return database;
}

/** The library of version 0.1.0. */
export function oldLedgerOf(db: LedgerDb, heartbeatMinIntervalMs?: number): DelegationLedger {
  const debounce = heartbeatMinIntervalMs === undefined ? {} : { heartbeatMinIntervalMs };
  return new DelegationLedger(db, { logger: silent, ...debounce });
}
