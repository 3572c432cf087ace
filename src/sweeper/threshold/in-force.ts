import type { LedgerDb } from '../../db/schema.ts';
import { sweeperTables } from '../tables.ts';
import { inForceStatement } from './statements/in-force.ts';

/** The threshold by which the daemons judge, in ms; null as long as none has stored one. @throws the database's error. */
export async function readInForce(db: LedgerDb): Promise<number | null> {
  const [row] = await inForceStatement(sweeperTables(db)).run(db, {});
  return row?.inForceMs ?? null;
}
