import type { CalleeCount } from '../callee-count.ts';
import type { Unpublished } from '../publishing/refused.ts';
import type { Judgement } from '../threshold/staleness.ts';
import type { StormVerdict } from './storm-guard.ts';
import type { Recalled } from './storm-memory.ts';

export interface StormReading extends StormVerdict {
  readonly stale: number;
  /** Rows past seven tenths of the threshold. */
  readonly late: number;
  /** Of these, the plain ones: the special ones are watched once they are stale. */
  readonly latePlain: number;
  /** Rows that fell silent together, the stale ones among them. */
  readonly silent: number;
  readonly inFlight: number;
  readonly callees: readonly CalleeCount[];
  /** The event of a hold that began or ended, where some queue did not take it. */
  readonly unpublished: Unpublished | null;
}

export interface StormQuestion {
  /** Null: a dry run, which writes nothing. */
  readonly sweepId: string | null;
  readonly judgement: Judgement;
  readonly recalled: Recalled;
  readonly force: boolean;
  /** An operator holds: the sweep marks none of the stale, whatever the verdict is. */
  readonly isHeld: boolean;
  /** Told of the event of a hold that begins where the count fails: then there is no reading. */
  readonly onUnpublished?: (unpublished: Unpublished) => void;
}
