import { mayConcernOneRow } from '../db/sqlstate.ts';

/** Attempts of one call that may fail while the item that is at fault is looked for. */
const FAILED_ATTEMPTS_MAX = 32;

/**
 * Does `work` on all of the items, and when that fails with what may be the fault of one, on each half by itself: so that
 * one item costs no other. `lose` is told the items whose work failed, and the error.
 */
export async function inHalves<Item>(
  items: readonly Item[],
  work: (items: readonly Item[]) => Promise<void>,
  lose: (items: readonly Item[], error: Error) => void,
): Promise<void> {
  let failedAttempts = 0;
  const attempt = async (some: readonly Item[]): Promise<void> => {
    try {
      await work(some);
    } catch (err) {
      failedAttempts += 1;
      if (some.length > 1 && failedAttempts < FAILED_ATTEMPTS_MAX && mayConcernOneRow(err)) {
        const half = Math.ceil(some.length / 2);
        await attempt(some.slice(0, half));
        await attempt(some.slice(half));
      } else lose(some, err as Error);
    }
  };
  await attempt(items);
}
