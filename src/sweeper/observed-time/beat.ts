import type { EventLog } from '../../log/event-log.ts';
import { isoOf, wholeMs } from '../instant.ts';
import type { SweeperState } from '../state.ts';
import { BEATS_MISSED_MAX, beatIntervalMs, horizonOf } from './horizon.ts';

/** STUCK_AFTER's upper bound: no horizon reaches further back than this much observed time. */
const STUCK_AFTER_MAX_MS = 30 * 24 * 3_600_000;

/**
 * The daemon's own sign of life, in the database: time without one was observed by nobody, and does not count as any
 * agent's silence.
 */
export class Beat {
  readonly intervalMs: number;
  readonly #state: SweeperState;
  readonly #log: EventLog;
  readonly #stuckAfterMs: number;

  constructor(state: SweeperState, log: EventLog, stuckAfterMs: number) {
    this.intervalMs = beatIntervalMs(stuckAfterMs);
    this.#state = state;
    this.#log = log;
    this.#stuckAfterMs = stuckAfterMs;
  }

  /** @throws the database's error. Returns by how much this host's clock is ahead of the database's, in ms. */
  async leave(): Promise<{ skewMs: number }> {
    const before = Date.now();
    const { nowUs, gap } = await this.#state.beat(this.#stuckAfterMs, this.intervalMs * BEATS_MISSED_MAX);
    const after = Date.now();
    if (gap) {
      this.#log.emit('sweep.unobserved', {
        gapStart: isoOf(gap.startUs),
        gapEnd: isoOf(gap.endUs),
        gapMs: wholeMs(gap.endUs - gap.startUs),
      });
      const { gaps } = await this.#state.look();
      await this.#state.pruneGaps(horizonOf(nowUs, STUCK_AFTER_MAX_MS, gaps).atUs);
    }
    // The database read its clock somewhere between the two readings; the middle errs by half a round trip at most.
    return { skewMs: Math.round((before + after) / 2 - wholeMs(nowUs)) };
  }
}
