import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/** Asks until the answer is neither undefined nor false; undefined when `timeoutMs` have passed without one. */
export async function poll<T>(
  timeoutMs: number,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T | undefined> {
  const giveUpAt = performance.now() + timeoutMs;
  while (true) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() >= giveUpAt) return undefined;
    await sleep(POLL_MS);
  }
}
