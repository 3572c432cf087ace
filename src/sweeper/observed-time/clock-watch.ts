import { MICROS_PER_MS, type Micros } from '../instant.ts';
import { BEATS_MISSED_MAX, beatIntervalMs, type Gap } from './horizon.ts';

/** The database's clock was read at some moment between these two of this process's own, monotonic clock. */
export interface ClockReading {
  readonly databaseUs: Micros;
  readonly sentAtMs: number;
  readonly heardAtMs: number;
}

/** A smaller difference is not taken for a jump: clocks are slewed, and a round trip may be longer one way. */
const JUMP_MIN_US = 1_000_000;

/**
 * By how much the database's clock leapt between two readings, in microseconds; negative: it was set back; 0: what the
 * round trips explain, and a second more. What cannot be told is counted as time that passed.
 */
export function jumpBetween(before: ClockReading, after: ClockReading): number {
  const passedUs = after.databaseUs - before.databaseUs;
  const most = (after.heardAtMs - before.sentAtMs) * MICROS_PER_MS;
  const least = (after.sentAtMs - before.heardAtMs) * MICROS_PER_MS;
  if (passedUs > most + JUMP_MIN_US) return Math.round(passedUs - most);
  if (passedUs < least - JUMP_MIN_US) return Math.round(passedUs - least);
  return 0;
}

/** Any daemon records a longer time without a beat, whatever its threshold. */
const GAP_SEEN_BY_ALL_US = BEATS_MISSED_MAX * beatIntervalMs(Number.POSITIVE_INFINITY) * MICROS_PER_MS;

/** A forward jump of this length, seen by a daemon between its readings at `sinceUs` and at `nowUs`. */
export interface ForwardJump {
  readonly sinceUs: Micros;
  readonly nowUs: Micros;
  readonly jumpUs: number;
}

export interface GapChange {
  readonly remove: readonly Gap[];
  readonly add: readonly Gap[];
}

/**
 * How a forward jump is recorded among the gaps that ended since the daemon's reading before; null when there is nothing
 * to record. Another daemon may have recorded the jump already. Or it took the leap for time without a beat: then the
 * part before the leap stays so, when it is as long as a gap must be. And where nobody saw a gap longer than that, while
 * the leap is longer, others beat all the while: this process had stood still, and the clock had not leapt.
 */
export function placeJump(
  { sinceUs, nowUs, jumpUs }: ForwardJump,
  recorded: readonly Gap[],
  gapAfterMs: number,
): GapChange | null {
  const gapAfterUs = gapAfterMs * MICROS_PER_MS;
  const recent = recorded.filter(({ endUs }) => endUs > sinceUs && endUs <= nowUs);
  const covers = ({ startUs, endUs }: Gap) => endUs - startUs >= jumpUs - JUMP_MIN_US;
  if (recent.some((gap) => gap.kind === 'clock_jump' && covers(gap))) return null;
  const unwatched = recent.find((gap) => gap.kind !== 'clock_jump' && gap.kind !== 'rewound' && covers(gap));
  if (unwatched === undefined) {
    if (jumpUs > GAP_SEEN_BY_ALL_US + JUMP_MIN_US) return null;
    return { remove: [], add: [{ startUs: nowUs - jumpUs, endUs: nowUs, kind: 'clock_jump' }] };
  }
  const leaptFromUs = Math.max(unwatched.startUs, unwatched.endUs - jumpUs);
  const jump: Gap = { startUs: leaptFromUs, endUs: unwatched.endUs, kind: 'clock_jump' };
  const before: Gap = { startUs: unwatched.startUs, endUs: leaptFromUs, kind: 'unwatched' };
  return { remove: [unwatched], add: leaptFromUs - unwatched.startUs > gapAfterUs ? [before, jump] : [jump] };
}
