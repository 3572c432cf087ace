import { ISO_MAX_MS } from '../../db/instant.ts';
import { type Gap, type Horizon, horizonOf, type Observation, unobserved } from '../horizon.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';

/** At this instant the threshold in force was lowered from `stuckAfterMs`. */
export interface Lowering {
  readonly loweredAtUs: Micros;
  readonly stuckAfterMs: number;
}

/** Rows last heard in this range are not stale yet: from the first instant, up to but not including the second. */
export interface SparedRange {
  readonly fromUs: Micros;
  readonly untilUs: Micros;
}

/**
 * What is stale, stalled and overdue at one instant. It is bound as it is, as JSON, to every statement that uses a rule of
 * the sweep. Usually the lists are empty, and then they cost nothing.
 */
export interface Staleness {
  /** Stale: last heard strictly before this instant, in no spared range. */
  readonly horizonUs: Micros;
  /** Disjoint, oldest first. */
  readonly spared: readonly SparedRange[];
  /** The threshold of a special row that has none of its own, in ms. */
  readonly stuckAfterMs: number;
  /** Longer thresholds that such a row is judged by until it has been heard since. */
  readonly lowerings: readonly Lowering[];
  /** Unobserved time of the last 30 days, which counts towards no row's own threshold. */
  readonly gaps: readonly SpaceOfTime[];
  /** When the database was last found to have gone back in time; null: never. Silence of before does not count. */
  readonly rewoundUs: Micros | null;
  /** Special rows are looked at whose suspect_at lies before this instant. */
  readonly suspectUs: Micros;
  /** How long a stalled row that was not heard since it came due is given to be heard: see StalledGuard. */
  readonly unheardMs: number;
  /** Forward jumps of the database's clock: each moves the deadlines of the rows that were created before it. */
  readonly jumps: readonly ClockJump[];
}

export interface SpaceOfTime {
  readonly startUs: Micros;
  readonly endUs: Micros;
}

export interface ClockJump {
  readonly startUs: Micros;
  readonly lengthUs: number;
}

/** What was read of the daemons, at one instant. */
export interface Observed extends Observation {
  /** The threshold in force, in milliseconds; null as long as no daemon has stored one. */
  readonly inForceMs: number | null;
  readonly lowerings: readonly Lowering[];
}

export interface Judgement {
  readonly nowUs: Micros;
  /** The threshold by which this judges. */
  readonly stuckAfterMs: number;
  /** Unobserved time, the gap that is still open included. */
  readonly gaps: readonly Gap[];
  readonly horizon: Horizon;
  readonly staleness: Staleness;
}

export interface ThresholdOptions {
  readonly stuckAfterMs: number;
  /** True: judge only by this threshold, whatever the daemons have agreed on. For a person who accepts the risk. */
  readonly stuckAfterOverrides?: boolean;
}

/** Later than any bound. */
const NO_BOUND_US: Micros = ISO_MAX_MS * MICROS_PER_MS;

/** By the longer of its own threshold and the one in force, unless its own overrides. */
export function judge(observed: Observed, options: ThresholdOptions): Judgement {
  const { nowUs, inForceMs } = observed;
  const overrides = options.stuckAfterOverrides ?? false;
  const stuckAfterMs = overrides ? options.stuckAfterMs : Math.max(options.stuckAfterMs, inForceMs ?? 0);
  const gaps = unobserved(observed, inForceMs ?? stuckAfterMs);
  const horizon = horizonOf(nowUs, stuckAfterMs, gaps);
  const spared = overrides ? [] : sparedRanges(observed.lowerings, horizon.atUs, nowUs, gaps);
  const staleness: Staleness = {
    horizonUs: horizon.atUs,
    spared,
    stuckAfterMs,
    lowerings: overrides ? [] : observed.lowerings.filter((lowering) => lowering.stuckAfterMs > stuckAfterMs),
    gaps: gaps.map(({ startUs, endUs }) => ({ startUs, endUs })),
    rewoundUs: rewoundUsOf(gaps),
    // Bounds were computed with the threshold in force: they say nothing to one who judges by a shorter one.
    suspectUs: overrides ? NO_BOUND_US : nowUs,
    unheardMs: 0,
    jumps: jumpsOf(gaps),
  };
  return { nowUs, stuckAfterMs, gaps, horizon, staleness };
}

/**
 * An agent learns the threshold from the answer to its heartbeat. So a row that was last heard before a lowering is
 * judged by the earlier threshold: it is spared from that threshold's horizon on. In the model: is_spared, is_silent_plain.
 */
export function sparedRanges(
  lowerings: readonly Lowering[],
  horizonUs: Micros,
  nowUs: Micros,
  gaps: readonly Gap[],
): readonly SparedRange[] {
  const ranges = lowerings
    .map(({ loweredAtUs, stuckAfterMs }) => ({
      fromUs: horizonOf(nowUs, stuckAfterMs, gaps).atUs,
      // Rows heard at the horizon or later are not stale in any case.
      untilUs: Math.min(loweredAtUs, horizonUs),
    }))
    .filter(({ fromUs, untilUs }) => fromUs < untilUs)
    .sort((a, b) => a.fromUs - b.fromUs);
  const merged: SparedRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last === undefined || range.fromUs > last.untilUs) merged.push(range);
    else merged[merged.length - 1] = { fromUs: last.fromUs, untilUs: Math.max(last.untilUs, range.untilUs) };
  }
  return merged;
}

function rewoundUsOf(gaps: readonly Gap[]): Micros | null {
  const rewound = gaps.filter(({ kind }) => kind === 'rewound').map(({ endUs }) => endUs);
  return rewound.length === 0 ? null : Math.max(...rewound);
}

/** Also jumps that no horizon reaches any more: a deadline may be far in the future. */
function jumpsOf(gaps: readonly Gap[]): readonly ClockJump[] {
  return gaps
    .filter(({ kind }) => kind === 'clock_jump')
    .map(({ startUs, endUs }) => ({ startUs, lengthUs: endUs - startUs }));
}

/**
 * Whether a deadline has passed. A deadline was set by the clock of its time: for a row that was created before the clock
 * was set forward, less time has passed than the clock says. Only forward jumps are stored, and they do not affect rows
 * created after them. The rule `overdue` is the same in SQL.
 */
export function isOverdue(
  row: { readonly createdAtUs: Micros; readonly deadlineUs: Micros },
  nowUs: Micros,
  jumps: readonly ClockJump[],
): boolean {
  const leaptUs = jumps.reduce((sum, { startUs, lengthUs }) => (row.createdAtUs <= startUs ? sum + lengthUs : sum), 0);
  return row.deadlineUs < nowUs - leaptUs;
}
