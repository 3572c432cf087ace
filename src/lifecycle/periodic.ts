import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from './service.ts';

export interface PeriodicOptions {
  readonly name: string;
  /** From start to start. A run that takes longer skips the turns that it missed; two runs never overlap. */
  readonly everyMs: number;
  /** Turns are at multiples of `everyMs` on the process's clock, together with those of other such services. */
  readonly isAligned?: boolean;
  /** The signal aborts when the service stops, which waits for the run to end. So a run must not wait for the stop. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** A failed run does not end the service. Not called for a run that the stop cut short. */
  readonly onError: (err: unknown) => void;
}

/** Runs a function at once, and then at an interval until it is stopped. */
export class Periodic implements Service {
  readonly name: string;
  readonly #options: PeriodicOptions;
  readonly #aborter = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(options: PeriodicOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#aborter.signal.aborted) throw new Error(`${this.name} was stopped`);
    this.#loop ??= this.#runUntilStopped();
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
    await this.#loop;
  }

  async #runUntilStopped(): Promise<void> {
    const { everyMs, isAligned = false, run, onError } = this.#options;
    const { signal } = this.#aborter;
    while (!signal.aborted) {
      const startedAtMs = performance.now();
      try {
        await run(signal);
      } catch (err) {
        if (!signal.aborted) onError(err);
      }
      const elapsedMs = performance.now() - (isAligned ? 0 : startedAtMs);
      // The stop's abort is how the wait ends early.
      await sleep(everyMs - (elapsedMs % everyMs), undefined, { signal }).catch(() => {});
    }
  }
}
