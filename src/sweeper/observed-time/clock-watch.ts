import { BEATS_MISSED_MAX, beatIntervalMs, type Gap, STEP_MIN_US } from '../horizon.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';

/** A reading of the database's clock, which happened between these two instants of this process's monotonic clock. */
export interface ClockReading {
  readonly databaseUs: Micros;
  readonly sentAtMs: number;
  readonly heardAtMs: number;
}

/**
 * By how much the database's clock jumped between two readings, in microseconds; negative: it was set back. 0 when the
 * round trips and a tolerance of one second explain the difference. What is uncertain counts as time that passed.
 */
export function jumpBetween(before: ClockReading, after: ClockReading): number {
  const passedUs = after.databaseUs - before.databaseUs;
  const most = (after.heardAtMs - before.sentAtMs) * MICROS_PER_MS;
  if (passedUs > most + STEP_MIN_US) return Math.round(passedUs - most);
  const earliestUs = earliestAfter(before, after.sentAtMs);
  if (after.databaseUs < earliestUs - STEP_MIN_US) return Math.round(after.databaseUs - earliestUs);
  return 0;
}

/** What the database's clock shows at least to a statement that is sent at this instant, unless it is set back. */
export function earliestAfter(before: ClockReading, sentAtMs: number): Micros {
  return before.databaseUs + (sentAtMs - before.heardAtMs) * MICROS_PER_MS;
}

/** A longer time without a beat is recorded by every daemon, whatever its threshold. */
const GAP_SEEN_BY_ALL_US = BEATS_MISSED_MAX * beatIntervalMs(Number.POSITIVE_INFINITY) * MICROS_PER_MS;

/** A forward jump of this length, seen by a daemon between its readings at `sinceUs` and at `nowUs`. */
export interface ForwardJump {
  readonly sinceUs: Micros;
  readonly nowUs: Micros;
  readonly jumpUs: number;
  /** The clock was set, and this process was not suspended, whatever the others' beats look like. */
  readonly isCertain: boolean;
}

export interface GapChange {
  readonly remove: readonly Gap[];
  readonly add: readonly Gap[];
}

/**
 * How to record a forward jump among the gaps that ended since the daemon's previous reading; null when there is nothing
 * to record. Three cases: another daemon has recorded the jump already. Another daemon took it for time without a beat:
 * then only the part before the jump keeps that kind, when it is long enough for a gap. Or no daemon recorded a gap, though
 * the jump is longer than what every daemon records: then the others left beats all along, this process was suspended, and
 * the clock did not jump. Unless it was set back before: then the last beat lay ahead, and nobody found a gap behind it.
 */
export function placeJump(
  { sinceUs, nowUs, jumpUs, isCertain }: ForwardJump,
  recorded: readonly Gap[],
  gapAfterMs: number,
): GapChange | null {
  const gapAfterUs = gapAfterMs * MICROS_PER_MS;
  const recent = recorded.filter(({ endUs }) => endUs > sinceUs && endUs <= nowUs);
  const covers = ({ startUs, endUs }: Gap) => endUs - startUs >= jumpUs - STEP_MIN_US;
  if (recent.some((gap) => gap.kind === 'clock_jump' && covers(gap))) return null;
  const unwatched = recent.find((gap) => gap.kind !== 'clock_jump' && gap.kind !== 'rewound' && covers(gap));
  if (unwatched === undefined) {
    if (!isCertain && jumpUs > GAP_SEEN_BY_ALL_US + STEP_MIN_US) return null;
    return { remove: [], add: [{ startUs: nowUs - jumpUs, endUs: nowUs, kind: 'clock_jump' }] };
  }
  const jumpedFromUs = Math.max(unwatched.startUs, unwatched.endUs - jumpUs);
  const jump: Gap = { startUs: jumpedFromUs, endUs: unwatched.endUs, kind: 'clock_jump' };
  const before: Gap = { startUs: unwatched.startUs, endUs: jumpedFromUs, kind: 'unwatched' };
  return { remove: [unwatched], add: jumpedFromUs - unwatched.startUs > gapAfterUs ? [before, jump] : [jump] };
}
