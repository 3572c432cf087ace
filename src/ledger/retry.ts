import type { LedgerDb } from '../db/schema.ts';
import { assertDurationMs, assertId } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import { InvalidArgumentError } from './errors.ts';
import { asInvalidArgument } from './invalid-argument.ts';
import { retryStatement } from './statements/retry.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

export interface RetryOptions {
  /** The id of the new delegation. Default: a UUID of version 7. */
  readonly delegationId?: string | null | undefined;
  /**
   * Its deadline, in milliseconds from its start. Default: as long as the old one had from its start, without what waits
   * added; an old deadline that was never ahead of the start counts as the default of `insert`.
   */
  readonly deadlineMs?: number | null | undefined;
  /** It should not be started sooner than so many milliseconds from now, which nothing enforces. Default: at once. */
  readonly startAfterMs?: number | null | undefined;
  /** Recorded in the activity: 1 to 200 characters. Default `ledger`. */
  readonly actor?: string | undefined;
}

interface About {
  /** Of the old one. */
  readonly status: Status;
  /** A result of the old one came late and is in its activity: look at it before the work is done again. */
  readonly lateResult: boolean;
}

/**
 * `inserted`: `delegationId` is the new delegation, `queued`. `duplicate`: the old one was tried again before, by the
 * delegation that is named. `refused`: it is still open, or completed. `missing`: no such delegation. Only `inserted` wrote
 * anything.
 */
export type RetryResult =
  | ({ readonly outcome: 'inserted'; readonly delegationId: string; readonly attempt: number } & About)
  | ({ readonly outcome: 'duplicate'; readonly delegationId: string; readonly attempt: number } & About)
  | ({ readonly outcome: 'refused'; readonly delegationId: null; readonly attempt: null } & About)
  | {
      readonly outcome: 'missing';
      readonly delegationId: null;
      readonly attempt: null;
      readonly status: null;
      readonly lateResult: false;
    };

/** Tries again what a delegation left undone. */
export class Retry {
  readonly #db: LedgerDb;
  readonly #retry: ReturnType<typeof retryStatement>;

  constructor(db: LedgerDb, tables: LedgerTables) {
    this.#db = db;
    this.#retry = retryStatement(tables);
  }

  /** @throws InvalidArgumentError, also for a new id that another delegation has, or the database's error. */
  async retry(delegationId: string, options: RetryOptions = {}): Promise<RetryResult> {
    assertId('delegationId', delegationId);
    if (typeof options !== 'object' || options === null) throw new InvalidArgumentError('options', 'must be an object');
    const { delegationId: newId = null, deadlineMs = null, startAfterMs = null, actor = 'ledger' } = options;
    if (newId !== null) assertId('options.delegationId', newId);
    if (deadlineMs !== null) assertDurationMs('deadlineMs', deadlineMs);
    if (startAfterMs !== null) assertDurationMs('startAfterMs', startAfterMs);
    assertId('actor', actor);
    const values = { delegationId, newId, deadlineMs, startAfterMs, actor };
    // Only the database knows whose a new id is; when it is refused, the caller's transaction must go on.
    const [row] = await bestEffort(this.#db, (runner) => this.#retry.run(runner, values)).catch((err: unknown) => {
      throw asInvalidArgument(err, { new_id: 'options.delegationId' });
    });
    return row as RetryResult;
  }
}
