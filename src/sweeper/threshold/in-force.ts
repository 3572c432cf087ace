import { Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { sweeperTables } from '../tables.ts';

/** The threshold by which the daemons judge, in ms; null as long as none has kept one. @throws the database's error. */
export async function readInForce(db: LedgerDb): Promise<number | null> {
  const { sweeperState, sweeperThreshold } = sweeperTables(db);
  const [row] = await new Statement<{ inForceMs: number | null }>(`
SELECT ${wholeNumber('greatest(t.stuck_after_ms, s.stuck_after_ms)')} AS "inForceMs"
FROM ${sweeperState} s LEFT JOIN ${sweeperThreshold} t ON t.singleton WHERE s.singleton`).run(db, []);
  return row?.inForceMs ?? null;
}
