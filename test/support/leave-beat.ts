import type { LedgerDb } from '../../src/db/schema.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { capturedLog } from './fixtures.ts';

/** A daemon's beat, once. Returns what was logged. */
export async function leaveBeat(db: LedgerDb, stuckAfterMs = 600_000) {
  const capture = capturedLog();
  await new Beat(db, capture.log, stuckAfterMs).leave();
  return capture;
}
