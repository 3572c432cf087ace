import { setTimeout as sleep } from 'node:timers/promises';
import { isRetryable } from '../../db/sqlstate.ts';
import { backoffMs } from '../../lifecycle/backoff.ts';

/** With growing, jittered waits of up to five seconds. */
const ATTEMPTS_MAX = 5;
const backoff = { baseMs: 250, maxMs: 5_000 };

/** A sweep, tried again while the fault looks temporary. @throws the last failure. */
export async function retrying(sweep: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await sweep();
    } catch (err) {
      if (signal.aborted || !isRetryable(err) || attempt >= ATTEMPTS_MAX) throw err;
      await sleep(backoffMs(attempt, backoff), undefined, { signal });
    }
  }
}
