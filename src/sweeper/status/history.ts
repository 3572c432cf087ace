import type { CalleeCount } from '../callee-count.ts';
import type { MarkRecord } from '../pass/evidence.ts';

/** Width of a bar in the chart of a day, which has 96 of them. */
export const HISTORY_BIN_MINUTES = 15;

export interface SweepBin {
  /** When the quarter of an hour began. */
  readonly at: Date;
  readonly sweeps: number;
  readonly stuck: number;
  readonly failed: number;
  readonly durationMaxMs: number;
  readonly held: boolean;
}

export interface Mark extends MarkRecord {
  /** When its sweep began. */
  readonly at: Date;
}

/** The last day as the sweeps recorded it. */
export interface History {
  /** In order of time; a quarter of an hour without a sweep is left out. */
  readonly bins: readonly SweepBin[];
  /** The latest marks, newest first. */
  readonly marks: readonly Mark[];
  /** The callees with most delegations marked stuck, of the five that each sweep recorded. */
  readonly callees: readonly CalleeCount[];
  readonly gaps: readonly { readonly start: Date; readonly end: Date }[];
}
