import type { ProbeOptions } from './probe/suspect-probe.ts';
import type { StormOptions } from './storm/storm-guard.ts';
import type { ThresholdOptions } from './threshold/staleness.ts';

/** `stuckAfterMs`: the observed silence that is allowed, unless the daemons have agreed on a longer one. */
export interface SweeperOptions extends ThresholdOptions {
  /** Rows in one transaction. */
  readonly batchRowsMax: number;
  /** Rows of one rule in one sweep. */
  readonly rowsMax: number;
  readonly storm: StormOptions;
  /** Agents of suspects are asked before these are marked. Absent: they are not. */
  readonly probe?: ProbeOptions;
  /** How often a sweep tries the same work again, after its first attempt, when it marks it stuck. Default 0: never. */
  readonly retriesMax?: number;
  /** Limit of one statement on the server, below the client's own 60 s. Default 30 s. */
  readonly statementLimitMs?: number;
}

/** Default of `statementLimitMs`. */
export const STATEMENT_LIMIT_MS = 30_000;
