import { setTimeout as sleep } from 'node:timers/promises';
import { seconds } from '../log/seconds.ts';
import { sqlstate, sqlstateOf } from './sqlstate.ts';

/**
 * How long a migration waits for a table's lock, in milliseconds. Every other session that needs the table waits behind
 * it; a migration that needs two tables waits twice, and the sum must stay below a second.
 */
export const LOCK_TIMEOUT_MS = 300;

/** How long it goes on trying by default: as long as a long report or a dump may take. */
export const LOCK_GIVE_UP_MS_DEFAULT = 600_000;

const FIRST_PAUSE_MS = 200;
const PAUSE_MAX_MS = 5_000;

/** A migration that found no moment without a long transaction on its tables. `code` is the last attempt's SQLSTATE. */
export class MigrationBlockedError extends Error {
  override readonly name = 'MigrationBlockedError';
  readonly code: string;

  constructor(giveUpAfterMs: number, cause: Error & { code: string }) {
    super(
      `for ${seconds(giveUpAfterMs)} other sessions have kept the ledger's tables locked without a break: end their transactions (pg_stat_activity, by xact_start), then run it again`,
      { cause },
    );
    this.code = cause.code;
  }
}

/**
 * Runs `attempt` again while it fails to get a lock, with increasing pauses so that others can work.
 * @throws MigrationBlockedError once `giveUpAfterMs` have passed, or any other error of the attempt.
 */
export async function retryWhileLocked<Result>(attempt: () => Promise<Result>, giveUpAfterMs: number): Promise<Result> {
  const giveUpAt = performance.now() + giveUpAfterMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * 2)) {
    try {
      return await attempt();
    } catch (err) {
      const state = sqlstateOf(err);
      if (state !== sqlstate.lockNotAvailable && state !== sqlstate.deadlockDetected) throw err;
      if (performance.now() >= giveUpAt)
        throw new MigrationBlockedError(giveUpAfterMs, err as Error & { code: string });
      // Jitter, so that two migrations that block each other do not meet again.
      await sleep(pauseMs * (0.5 + Math.random() / 2));
    }
  }
}
