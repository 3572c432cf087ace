import { setTimeout as sleep } from 'node:timers/promises';

/** A write that failed is tried again after 250 ms, doubled each time up to 15 s, about ten minutes long. */
const FIRST_MS = 250;
const MAX_MS = 15_000;
export const LEDGER_RETRIES_MAX = 45;

/** Before the retry of this number, counted from 0. Does not keep the process alive. */
export async function pauseBeforeRetry(retry: number): Promise<void> {
  await sleep(Math.min(MAX_MS, FIRST_MS * 2 ** retry), undefined, { ref: false });
}
