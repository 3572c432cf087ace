import type { Micros } from '../instant.ts';
import type { Unpublished } from '../publishing/refused.ts';
import type { Staleness } from '../threshold/staleness.ts';
import type { ProbeEvidence } from './probe-evidence.ts';
import type { MarkedRow } from './statements/marking.ts';

/** What one pass of one rule needs. */
export interface RulePass {
  readonly sweepId: string;
  readonly nowUs: Micros;
  readonly staleness: Staleness;
  readonly batchRowsMax: number;
  /** Rows that this pass may mark. */
  readonly rowsMax: number;
  /** Limit of one statement on the server. */
  readonly limitMs: number;
  /** Known poisoned rows, tried again apart. */
  readonly suspects: readonly string[];
  /** Whether there may be known poisoned rows: all of them are left out of the batches. */
  readonly someKnown: boolean;
  /** What came of asking the agents of the rows that `markAsked` marks; by delegation. */
  readonly probes?: ReadonlyMap<string, ProbeEvidence>;
  /** It ignores an operator's hold. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  /** Called after each commit, with the evidence. */
  readonly onMarked: (rows: readonly MarkedRow[]) => void;
  /** Called after a commit whose events some queue did not take. */
  readonly onUnpublished: (unpublished: Unpublished) => void;
}
