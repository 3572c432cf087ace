import type { LedgerDb } from '../db/schema.ts';
import { assertId, assertThresholdMs, instantOrDuration } from './arguments.ts';
import { InvalidArgumentError } from './errors.ts';
import { adjustStatement } from './statements/adjust.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

/** What to change; what is left out stays unchanged. */
export interface AdjustOptions {
  /** A later instant than the deadline is now. */
  readonly deadline?: Date | string | null | undefined;
  /** The same, in milliseconds from now; not together with `deadline`. */
  readonly deadlineMs?: number | null | undefined;
  /** The delegation's own threshold of silence in ms, 1000 to 2592000000 (30 days). Null: the daemons' STUCK_AFTER again. */
  readonly stuckAfterMs?: number | null | undefined;
  /** The same without progress. Null: lack of progress does not count any more. */
  readonly stalledAfterMs?: number | null | undefined;
  /** Recorded in the activity: 1 to 200 characters. Default `ledger`. */
  readonly actor?: string | undefined;
}

/**
 * `adjusted`: written, with its activity. `unchanged`: nothing differed. `refused`: the delegation has ended, or the
 * deadline would move earlier; nothing was written. `missing`: no such delegation.
 */
export type AdjustResult =
  | { readonly outcome: 'adjusted'; readonly status: Status }
  | { readonly outcome: 'unchanged'; readonly status: Status }
  | { readonly outcome: 'refused'; readonly status: Status }
  | { readonly outcome: 'missing'; readonly status: null };

/** Changes deadlines and thresholds of existing delegations. */
export class Adjustment {
  readonly #db: LedgerDb;
  readonly #adjust: ReturnType<typeof adjustStatement>;

  constructor(db: LedgerDb, tables: LedgerTables) {
    this.#db = db;
    this.#adjust = adjustStatement(tables);
  }

  /** @throws InvalidArgumentError, or the database's error */
  async adjust(delegationId: string, options: AdjustOptions): Promise<AdjustResult> {
    assertId('delegationId', delegationId);
    if (typeof options !== 'object' || options === null) throw new InvalidArgumentError('options', 'must be an object');
    const { deadline, deadlineMs, stuckAfterMs, stalledAfterMs, actor = 'ledger' } = options;
    const until = instantOrDuration({ instant: 'deadline', duration: 'deadlineMs' }, deadline, deadlineMs);
    if (stuckAfterMs != null) assertThresholdMs('stuckAfterMs', stuckAfterMs);
    if (stalledAfterMs != null) assertThresholdMs('stalledAfterMs', stalledAfterMs);
    assertId('actor', actor);
    const [row] = await this.#adjust.run(this.#db, {
      delegationId,
      deadline: until.instant,
      deadlineMs: until.durationMs,
      stuckAfterMs: stuckAfterMs ?? null,
      stalledAfterMs: stalledAfterMs ?? null,
      noStuckAfter: stuckAfterMs === null,
      noStalledAfter: stalledAfterMs === null,
      actor,
    });
    return row as AdjustResult;
  }
}
