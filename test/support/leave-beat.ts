import type { LedgerDb } from '../../src/db/schema.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { SweeperState } from '../../src/sweeper/state.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import { capturedLog } from './fixtures.ts';

/** A daemon's beat, once. Returns what was logged. */
export async function leaveBeat(db: LedgerDb, stuckAfterMs = 600_000) {
  const capture = capturedLog();
  await new Beat(new SweeperState(db, sweeperTables(db)), capture.log, stuckAfterMs).leave();
  return capture;
}
