import type { LedgerDb } from '../db/schema.ts';
import { assertId, instantOrDuration, noteText } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import { InvalidArgumentError } from './errors.ts';
import { asInvalidArgument } from './invalid-argument.ts';
import { WAIT_MAX_MS } from './limits.ts';
import { resumeStatement, waitStatement } from './statements/wait.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

/** How long, and what for. Either `until` or `untilMs` must be given. */
export interface WaitOptions {
  /** An instant in the future, on the database's clock, at most 30 days from now. */
  readonly until?: Date | string | null | undefined;
  /** The same, in milliseconds from now; not together with `until`. */
  readonly untilMs?: number | null | undefined;
  /** What it waits for: 1 to 200 characters. NUL and lone surrogates become U+FFFD. */
  readonly reason: string;
  /** Recorded in the activity: 1 to 200 characters. Default `ledger`. */
  readonly actor?: string | undefined;
}

export interface ResumeOptions {
  /** Recorded in the activity: 1 to 200 characters. Default `ledger`. */
  readonly actor?: string | undefined;
}

/**
 * `waiting`: it waits until `waitingUntil`. `unchanged`: it already waited until the same instant for the same reason.
 * `refused`: it has ended. `missing`: no such delegation. Only `waiting` wrote anything.
 */
export type WaitResult =
  | { readonly outcome: 'waiting'; readonly status: Status; readonly waitingUntil: Date }
  | { readonly outcome: 'unchanged'; readonly status: Status; readonly waitingUntil: Date }
  | { readonly outcome: 'refused'; readonly status: Status; readonly waitingUntil: null }
  | { readonly outcome: 'missing'; readonly status: null; readonly waitingUntil: null };

/**
 * `resumed`: the wait has ended, and counts as a heartbeat; from now on the delegation's threshold is `stuckAfterMs` (null:
 * no daemon has run yet). `unchanged`: it did not wait. `refused`: it has ended.
 * `missing`: no such delegation. Only `resumed` wrote anything.
 */
export type ResumeResult =
  | { readonly outcome: 'resumed'; readonly status: Status; readonly stuckAfterMs: number | null }
  | { readonly outcome: 'unchanged'; readonly status: Status; readonly stuckAfterMs: null }
  | { readonly outcome: 'refused'; readonly status: Status; readonly stuckAfterMs: null }
  | { readonly outcome: 'missing'; readonly status: null; readonly stuckAfterMs: null };

/** Lets delegations wait for something outside their agents, and resumes them. */
export class Waiting {
  readonly #db: LedgerDb;
  readonly #wait: ReturnType<typeof waitStatement>;
  readonly #resume: ReturnType<typeof resumeStatement>;

  constructor(db: LedgerDb, tables: LedgerTables) {
    this.#db = db;
    this.#wait = waitStatement(tables);
    this.#resume = resumeStatement(tables);
  }

  /** @throws InvalidArgumentError, or the database's error */
  async wait(delegationId: string, options: WaitOptions): Promise<WaitResult> {
    assertId('delegationId', delegationId);
    if (typeof options !== 'object' || options === null) throw new InvalidArgumentError('options', 'must be an object');
    const { until, untilMs, reason, actor = 'ledger' } = options;
    const end = instantOrDuration({ instant: 'until', duration: 'untilMs' }, until, untilMs, WAIT_MAX_MS);
    if (end.instant === null && end.durationMs === null) {
      throw new InvalidArgumentError('until', 'or untilMs must be given');
    }
    assertId('actor', actor);
    const values = {
      delegationId,
      until: end.instant,
      untilMs: end.durationMs,
      reason: noteText('reason', reason),
      actor,
    };
    // Only the database's clock can judge an instant; when it is refused, the caller's transaction must go on.
    const [row] = await bestEffort(this.#db, (runner) => this.#wait.run(runner, values)).catch((err: unknown) => {
      throw asInvalidArgument(err, { until: 'until' });
    });
    return row as WaitResult;
  }

  /** @throws InvalidArgumentError, or the database's error */
  async resume(delegationId: string, { actor = 'ledger' }: ResumeOptions = {}): Promise<ResumeResult> {
    assertId('delegationId', delegationId);
    assertId('actor', actor);
    const [row] = await this.#resume.run(this.#db, { delegationId, actor });
    return row as ResumeResult;
  }
}
