import { waitFor } from '../../support/wait-for.ts';

/** Runs assertions until they hold, and returns what they return; fails with the last one that did not. */
export async function eventually<T>(assertions: () => Promise<T>): Promise<T> {
  let last: unknown;
  const held = await waitFor('assertions to hold', async () => {
    try {
      return { value: await assertions() };
    } catch (err) {
      last = err;
      return undefined;
    }
  }).catch(() => {
    throw last;
  });
  return held.value;
}
