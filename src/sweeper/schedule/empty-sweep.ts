import { randomUUID } from 'node:crypto';
import type { EventLog } from '../../log/event-log.ts';
import { nothingDone, type SweepTrigger, summaryFields } from '../summary.ts';

/** After so long without a whole sweep there is one: standing faults are reported by it, once an hour each. */
const WHOLE_EVERY_MS = 3_600_000;

export interface EmptySweepOptions {
  /** Nothing was open at the last look, and nothing has begun since. */
  readonly isResting: () => boolean;
  /** Records the sweep where nothing is open. False: it takes a whole sweep. */
  readonly record: (sweep: { readonly sweepId: string; readonly trigger: SweepTrigger }) => Promise<boolean>;
  readonly log: EventLog;
}

/** What a sweep on a tick does in a ledger in which nothing is open: it is recorded, and reported. Emits sweep.completed. */
export class EmptySweep {
  readonly #options: EmptySweepOptions;
  #wholeAtMs = performance.now();

  constructor(options: EmptySweepOptions) {
    this.#options = options;
  }

  /** False: nothing was done, and a whole sweep has to come. @throws the database's error. */
  readonly sweep = async (trigger: SweepTrigger): Promise<boolean> => {
    const { isResting, record, log } = this.#options;
    const startedAtMs = performance.now();
    const isWholeDue = startedAtMs - this.#wholeAtMs >= WHOLE_EVERY_MS;
    const sweepId = randomUUID();
    const isEmpty = isResting() && !isWholeDue && (await record({ sweepId, trigger }));
    if (!isEmpty) {
      this.#wholeAtMs = startedAtMs;
      return false;
    }
    const durationMs = Math.round(performance.now() - startedAtMs);
    log.emit('sweep.completed', {
      ...summaryFields({ ...nothingDone, sweepId, durationMs }),
      trigger,
      oldestSilenceMs: null,
      callees: [],
    });
    return true;
  };
}
