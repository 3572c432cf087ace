import type { Gap } from '../horizon.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';
import { judge, type Observed, type Staleness, type ThresholdOptions } from '../threshold/staleness.ts';
import { stalenessAt } from './due.ts';
import { type HeardRange, unjudged } from './heard-ranges.ts';

/** What a look asks for, computed from the answer to the one before. */
export interface Question {
  /** What it follows from: as long as that is the same, so is the question. */
  readonly basis: string;
  /** When the last sweep judged; null: it is not known. */
  readonly judgedAtUs: Micros | null;
  /** No deadline before this one was open then. */
  readonly deadlinesFromUs: Micros | null;
  readonly staleness: Staleness;
  /** Where the rows were last heard that it did not find stale. */
  readonly ranges: readonly HeardRange[];
  /** Rows heard more recently than this come due too late to matter. */
  readonly lagMs: number;
  readonly stuckAfterMs: number;
  readonly gaps: readonly Gap[];
}

const nothingStale: Staleness = {
  horizonUs: 0,
  spared: [],
  stuckAfterMs: 0,
  lowerings: [],
  gaps: [],
  rewoundUs: null,
  suspectUs: 0,
  unheardMs: 0,
  jumps: [],
};

/** Before the first answer. */
export const nothingKnown: Question = {
  basis: '',
  judgedAtUs: null,
  deadlinesFromUs: null,
  staleness: nothingStale,
  ranges: [],
  lagMs: 0,
  stuckAfterMs: 0,
  gaps: [],
};

/** What comes due later than this after a look is left to the next one. */
const LOOKAHEAD_MS = 5_000;

export interface Judged extends Observed {
  readonly judgedAtUs: Micros | null;
}

export function questionAfter(answer: Judged, options: ThresholdOptions): Question {
  const { judgedAtUs, gaps: recorded, lowerings, inForceMs } = answer;
  const basis = JSON.stringify([judgedAtUs, recorded, lowerings, inForceMs]);
  if (judgedAtUs === null) return { ...nothingKnown, basis };
  const { nowUs, stuckAfterMs, gaps, horizon, staleness } = judge(answer, options);
  const jumpedUs = staleness.jumps.reduce((sum, { lengthUs }) => sum + lengthUs, 0);
  return {
    basis,
    judgedAtUs,
    deadlinesFromUs: judgedAtUs - jumpedUs,
    staleness,
    ranges: unjudged(stalenessAt(judgedAtUs, answer, options), staleness.spared),
    lagMs: Math.floor((nowUs - horizon.atUs) / MICROS_PER_MS) - LOOKAHEAD_MS,
    stuckAfterMs,
    gaps,
  };
}
