import { within } from '../../lifecycle/within.ts';

/** So long one waits for the one before it. That one may hang, and must not hold up the next as well. */
const WAIT_MS = 250;

/** Runs one after the other what would wait for one another in the database. */
export class Turn {
  #before: Promise<unknown> = Promise.resolve();

  take<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = within(WAIT_MS, this.#before).then(() => run());
    this.#before = result.catch(() => {});
    return result;
  }
}
