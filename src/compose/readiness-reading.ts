import type { Config } from '../config/config.ts';
import type { LedgerDb } from '../db/schema.ts';
import type { ReadinessReading } from '../ops/readiness.ts';
import { readRefusal } from '../sweeper/observed-time/refusal.ts';
import { outdatedSchema } from '../sweeper/schedule/schema-gate.ts';
import type { StatusReader } from '../sweeper/status/status-reader.ts';

/** What the readiness of the ledger `config.dbSchema` is judged by. `reader` reads it through `db`. @throws the database's error. */
export async function readReadiness(
  db: LedgerDb,
  reader: StatusReader,
  { dbSchema, pgbossSchema }: Pick<Config, 'dbSchema' | 'pgbossSchema'>,
): Promise<ReadinessReading> {
  const outdated = await outdatedSchema(db, dbSchema, pgbossSchema);
  if (outdated !== null) return { outdated, punctuality: null };
  const punctuality = await reader.punctuality();
  return { outdated, punctuality, refusal: await readRefusal(db) };
}
