import { mayConcernOneRow } from '../db/sqlstate.ts';

/** Attempts that may fail in one call while it searches for the item at fault; then all that remain count as failed. */
const FAILED_ATTEMPTS_MAX = 32;

/**
 * Does `work` on all of the items. When it fails for what may be the fault of one item, each half is tried by itself, so
 * that one bad item does not make the others fail. `onFailure` gets the items whose work failed, and the error.
 */
export async function inHalves<Item>(
  items: readonly Item[],
  work: (items: readonly Item[]) => Promise<void>,
  onFailure: (items: readonly Item[], error: Error) => void,
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
      } else onFailure(some, err as Error);
    }
  };
  await attempt(items);
}
