import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerDatabase } from './ledger-database.ts';

const LOOK_EVERY_MS = 50;

/** What sessions were seen to wait for. */
export interface SeenWaits {
  /** The longest that a statement had run when it was seen to wait for another session's lock, in milliseconds. */
  readonly lockMs: number;
  /** The same of whatever it waited for, and what that was, as in pg_stat_activity: `LWLock/WALWrite`. */
  readonly longestMs: number;
  readonly longestFor: string;
}

/** Looks twenty times a second at the sessions of this name while the work is done. */
export async function seenWaits(
  database: LedgerDatabase,
  applicationName: string,
  work: () => Promise<void>,
): Promise<SeenWaits> {
  let seen: SeenWaits = { lockMs: 0, longestMs: 0, longestFor: 'nothing' };
  let isDone = false;
  let failure: unknown;
  const look = async () => {
    const rows = await database.query<{ for: string; ms: number }>(
      `SELECT wait_event_type || '/' || wait_event AS for,
         extract(epoch FROM clock_timestamp() - query_start)::float8 * 1000 AS ms
       FROM pg_stat_activity
       WHERE application_name = $1 AND datname = current_database() AND state = 'active' AND wait_event IS NOT NULL`,
      [applicationName],
    );
    for (const { for: event, ms } of rows) {
      if (event.startsWith('Lock/')) seen = { ...seen, lockMs: Math.max(seen.lockMs, ms) };
      if (ms > seen.longestMs) seen = { ...seen, longestMs: ms, longestFor: event };
    }
  };
  const looking = (async () => {
    while (!isDone) {
      await look();
      await sleep(LOOK_EVERY_MS);
    }
  })().catch((err: unknown) => {
    failure = err;
  });
  try {
    await work();
  } finally {
    isDone = true;
    await looking;
  }
  if (failure !== undefined) throw failure;
  return seen;
}
