import type { Micros } from '../instant.ts';
import type { Staleness } from '../threshold/staleness.ts';
import type { MarkedRow } from './statements/marking.ts';

/** What one pass of one rule works with. */
export interface RulePass {
  readonly sweepId: string;
  readonly nowUs: Micros;
  readonly staleness: Staleness;
  readonly stuckAfterMs: number;
  readonly batchRowsMax: number;
  /** Rows that this pass may mark. */
  readonly rowsMax: number;
  /** What the server gives one statement. */
  readonly limitMs: number;
  /** Rows whose update is known to raise, tried again apart. All that are known are left out of the batches. */
  readonly suspects: readonly string[];
  readonly signal: AbortSignal;
  /** Called after each commit, with the evidence. */
  readonly onMarked: (rows: readonly MarkedRow[]) => void;
}
