import { STEP_MIN_US } from '../horizon.ts';
import type { Micros } from '../instant.ts';
import { type ClockReading, earliestAfter, jumpBetween } from './clock-watch.ts';

/** What one process has seen of the database's clock. */
export interface ClockSeen {
  /** The reading of its last beat, or the first one after the clock was set back since; null: none yet. */
  readonly base: ClockReading | null;
  /** A later one, by which the clock had been set forward; null: none. */
  readonly ahead: ClockReading | null;
  /** By how much the clock was set back since the last beat; 0: it was not. */
  readonly backUs: number;
}

const nothing: ClockSeen = { base: null, ahead: null, backUs: 0 };

/** With one more reading. The same object where the clock was not set. */
export function seenWith(seen: ClockSeen, reading: ClockReading): ClockSeen {
  const last = seen.ahead ?? seen.base;
  const jumpUs = last === null ? 0 : jumpBetween(last, reading);
  if (jumpUs < 0) return { base: reading, ahead: null, backUs: Math.max(seen.backUs, -jumpUs) };
  return jumpUs > 0 ? { ...seen, ahead: reading } : seen;
}

/** By how much the clock was set forward up to this reading, since it was last set back; 0: it was not. */
export function forwardUsTo({ base }: ClockSeen, reading: ClockReading): number {
  return base === null ? 0 : Math.max(0, jumpBetween(base, reading));
}

/** A clock that is behind this, when a statement that is sent now reads it, was set back; null: not known. */
export function setBackBefore({ ahead, base }: ClockSeen, sentAtMs: number): Micros | null {
  const last = ahead ?? base;
  return last === null ? null : earliestAfter(last, sentAtMs) - STEP_MIN_US;
}

/**
 * Remembers what sweeps, looks and beats of one process saw of the database's clock, until a beat has recorded it: a clock
 * that a sweep finds set may have been set once more before the next beat.
 */
export class ClockMemory {
  #seen = nothing;

  get seen(): ClockSeen {
    return this.#seen;
  }

  /** Returns whether the clock was set, and no beat has recorded it yet. */
  note(reading: ClockReading): boolean {
    this.#seen = seenWith(this.#seen, reading);
    return this.#seen.ahead !== null || this.#seen.backUs > 0;
  }

  /** A beat has recorded what was `seen`. What was noted meanwhile is left to the next one. */
  recorded(seen: ClockSeen, reading: ClockReading): void {
    const isAll = this.#seen === seen;
    this.#seen = { base: reading, ahead: null, backUs: isAll ? 0 : this.#seen.backUs };
  }
}
