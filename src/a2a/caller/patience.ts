import { within } from '../../lifecycle/within.ts';

/**
 * How long calls to agents wait for the ledger: a bounded time each, and not at all while an answer that an earlier call
 * gave up is still due. So a ledger that hangs delays one call, not every call.
 */
export class Patience {
  readonly #waitMaxMs: number;
  #overdue = 0;

  constructor(waitMaxMs: number) {
    this.#waitMaxMs = waitMaxMs;
  }

  /** Resolves when the work has settled, or when it has taken too long; never rejects. */
  async wait(work: Promise<unknown>): Promise<void> {
    if (this.#overdue > 0) return;
    const settled = work.then(
      () => 'settled' as const,
      () => 'settled' as const,
    );
    if ((await within(this.#waitMaxMs, settled)) === 'settled') return;
    this.#overdue += 1;
    void settled.then(() => {
      this.#overdue -= 1;
    });
  }
}
