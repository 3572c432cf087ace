import type { Micros } from './instant.ts';
import type { SweepTrigger } from './summary.ts';

export interface SweepRequest {
  readonly trigger: SweepTrigger;
  /** Overrides a storm's hold for this one sweep. */
  readonly force?: boolean;
  /** Checked between batches: what was committed stays, the rest is the next sweep's. */
  readonly signal?: AbortSignal;
  /** Of a sweep between the ticks: when the sweep before it judged. */
  readonly judgedAtUs?: Micros | null;
}

/** A sweep between the ticks, for what has come due. */
export interface DueSweepRequest {
  readonly sweepId: string;
  /** The sweep that had the lease when that was seen. */
  readonly after: string | null;
  /** When the last sweep judged that had ended then. */
  readonly judgedAtUs: Micros | null;
  readonly signal: AbortSignal;
}
