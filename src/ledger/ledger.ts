import type { LedgerDb } from '../db/schema.ts';
import type { EventLog } from '../log/event-log.ts';
import { createLedgerLog } from '../log/ledger-log.ts';
import type { LogSink } from '../log/log-sink.ts';
import { createLogger } from '../log/logger.ts';
import type { Activity } from './activity.ts';
import { Adjustment, type AdjustOptions, type AdjustResult } from './adjustment.ts';
import { assertDurationMs, assertId } from './arguments.ts';
import type { Delegation } from './delegation.ts';
import { InvalidArgumentError } from './errors.ts';
import type { HeartbeatOptions } from './heartbeat-options.ts';
import type { HeartbeatResult } from './heartbeat-result.ts';
import { Heartbeats } from './heartbeats.ts';
import type { InsertArguments } from './insert-arguments.ts';
import type { InsertResult } from './insert-result.ts';
import { Insertion } from './insertion.ts';
import { KeepAlive, type KeepAliveOptions } from './keep-alive.ts';
import { KeepAliveRounds, STUCK_AFTER_UNKNOWN_MS } from './keep-alive-rounds.ts';
import { ManyInsertions } from './many-insertions.ts';
import type { SetStatusOptions } from './set-status-options.ts';
import type { SetStatusResult } from './set-status-result.ts';
import { epochStatement } from './statements/epoch.ts';
import { getStatement, historyStatement } from './statements/read.ts';
import { StatusChange, sayingOf } from './status-change.ts';
import { ledgerTables } from './tables.ts';
import { ToldStatuses } from './told-statuses.ts';
import { isTerminal, type Status } from './transitions.ts';
import { type ResumeOptions, type ResumeResult, Waiting, type WaitOptions, type WaitResult } from './waiting.ts';

export type { LogSink };

export interface LedgerOptions {
  /** Where the ledger's events go: any pino logger. Default: JSON lines on stderr, from `warn` up. */
  readonly logger?: LogSink | undefined;
  /**
   * A heartbeat younger than this is `fresh` and writes nothing. Default 15000: 40 stamps in the default threshold of
   * ten minutes. Never more than a tenth of the daemon's threshold, whatever is asked.
   */
  readonly heartbeatMinIntervalMs?: number | undefined;
}

const HEARTBEAT_MIN_INTERVAL_DEFAULT_MS = 15_000;

/**
 * The durable ledger of delegations, as orchestrators and agents use it.
 *
 * `db` is a Kysely instance or a transaction of the caller's own, in which every method takes part. `insert` and the
 * heartbeats are best effort: a database failure is logged and returned as an outcome, and inside a transaction it is
 * undone to a savepoint, so that the caller's work goes on. The others throw the database's error.
 * Tables are looked for where `db` looks for them: by its search path, or in the schema of `db.withSchema()`.
 */
export class DelegationLedger {
  readonly #db: LedgerDb;
  readonly #heartbeats: Heartbeats;
  readonly #rounds: KeepAliveRounds;
  readonly #insertion: Insertion;
  readonly #manyInsertions: ManyInsertions;
  readonly #statusChange: StatusChange;
  readonly #told: ToldStatuses;
  readonly #waiting: Waiting;
  readonly #adjustment: Adjustment;
  readonly #epoch: ReturnType<typeof epochStatement>;
  readonly #get: ReturnType<typeof getStatement>;
  readonly #history: ReturnType<typeof historyStatement>;

  /** @throws InvalidArgumentError for a heartbeatMinIntervalMs that is not a positive number of milliseconds. */
  constructor(db: LedgerDb, options: LedgerOptions = {}) {
    const { heartbeatMinIntervalMs = HEARTBEAT_MIN_INTERVAL_DEFAULT_MS } = options;
    assertDurationMs('heartbeatMinIntervalMs', heartbeatMinIntervalMs);
    const log: EventLog = createLedgerLog(options.logger ?? defaultLogger());
    const tables = ledgerTables(db);
    this.#db = db;
    this.#insertion = new Insertion(db, tables, log);
    this.#manyInsertions = new ManyInsertions(db, tables, log, this.#insertion);
    this.#statusChange = new StatusChange(db, tables, log);
    this.#waiting = new Waiting(db, tables);
    this.#adjustment = new Adjustment(db, tables);
    this.#epoch = epochStatement(tables);
    this.#heartbeats = new Heartbeats(db, tables, log, heartbeatMinIntervalMs, (epoch) => this.#told.heard(epoch));
    this.#rounds = new KeepAliveRounds(this.#heartbeats);
    this.#told = new ToldStatuses(
      {
        say: (saying) => this.#statusChange.say(saying),
        statusOf: async (delegationId) => (await this.get(delegationId))?.status ?? null,
        epoch: async () => (await this.#epoch.run(db, {}))[0]?.epoch ?? null,
        keptMs: () => this.#heartbeats.stuckAfterMs ?? STUCK_AFTER_UNKNOWN_MS,
      },
      log,
    );
    this.#get = getStatement(tables);
    this.#history = historyStatement(tables);
  }

  /**
   * Records a new delegation as `queued`. Never throws.
   *
   *     const { outcome, delegationId } = await ledger.insert({
   *       delegationId: uuidv7(), callerId: 'planner', calleeId: 'researcher', taskPreview: 'Find the papers',
   *     });
   *
   * `inserted`: it is recorded. `duplicate`: another one has this id or the caller's idempotency key, and is named.
   * `invalid`: `error.field` names the argument that is not accepted. `failed`: the database did not take it, or gave no
   * answer. The last two are logged.
   *
   *     SELECT * FROM delegation_insert($1, $2, $3, $4, idempotency_key => $5, deadline => $6)
   */
  insert(delegation: InsertArguments): Promise<InsertResult> {
    return this.#insertion.insert(delegation);
  }

  /**
   * Records many: one result of `insert` each, in the order of the list, one round trip per 1000. One that is invalid, or
   * whose insert fails, does not stop the others; one that repeats an id or a key of the list is a `duplicate`. Never throws.
   *
   *     const results = await ledger.insertMany(tasks.map((taskPreview) => ({ ...caller, delegationId: uuidv7(), taskPreview })));
   *
   *     SELECT * FROM delegation_insert_many('[{"id": "...", "caller": "...", "callee": "...", "preview": "..."}]')
   */
  insertMany(delegations: readonly InsertArguments[]): Promise<InsertResult[]> {
    return this.#manyInsertions.insertMany(delegations);
  }

  /**
   * Moves a delegation forward, with its activity. Ends a wait.
   *
   *     const { outcome } = await ledger.setStatus(id, 'completed', { resultPreview: 'Three papers', responseBody: papers });
   *
   * `changed`: it had the status `from` before. `unchanged`: it has that status already. `refused`: a status is never taken
   * backwards, nor changed once it is terminal; a result is recorded all the same, as `delegation.late_result`. `missing`: no
   * such delegation; recorded as `delegation.orphan_update`.
   *
   *     SELECT * FROM delegation_set_status($1, 'completed', result_preview => $2, response_body => $3)
   *
   * An end, or `in_progress`, that was confirmed is kept in memory for the daemon's threshold (at most 10000 delegations,
   * 32 MiB) and repeated when the database turns out to have gone back in time; not what was set in a transaction of the
   * caller's.
   * @throws InvalidArgumentError before anything is written, or the database's error.
   */
  async setStatus(delegationId: string, status: Status, options: SetStatusOptions = {}): Promise<SetStatusResult> {
    const saying = sayingOf(delegationId, status, options);
    const result = await this.#statusChange.say(saying);
    // In the caller's transaction nobody knows yet whether it will be so.
    const isSo = result.outcome === 'changed' || (result.outcome === 'unchanged' && isTerminal(status));
    if (isSo && !this.#db.isTransaction) this.#told.keep(saying);
    return result;
  }

  /**
   * Reports that the delegation's agent is alive. Never throws.
   *
   *     const { outcome } = await ledger.heartbeat(id, { progress: 'page 3 of 10' });
   *     if (outcome === 'terminal') return;
   *
   * `stamped`: written. `fresh`: the last one is younger than `heartbeatMinIntervalMs`; nothing was written. `terminal`: the
   * delegation has ended, stop working on it. `missing`: no such delegation, or one that its caller has not committed.
   * `failed`: the database gave no answer, or an argument is not accepted; logged. `stuckAfterMs` is the threshold of silence
   * by which this delegation is judged: its own, or the daemons'.
   *
   *     SELECT * FROM delegation_heartbeat($1, progress => $2)
   */
  heartbeat(delegationId: string, options: HeartbeatOptions = {}): Promise<HeartbeatResult> {
    return this.#heartbeats.beat(delegationId, options.progress);
  }

  /**
   * One result of `heartbeat` per id, in the order given, in one round trip: a second one where rows are locked. At most 10000
   * ids. Never throws.
   *
   *     const results = await ledger.heartbeatMany([first, second]);
   *
   *     SELECT * FROM delegation_heartbeat_many($1)
   */
  heartbeatMany(delegationIds: readonly string[]): Promise<HeartbeatResult[]> {
    return this.#heartbeats.beatMany(delegationIds);
  }

  /**
   * The delegation waits for something outside of its agent (a person, an authorisation, another delegation). Until then
   * neither silence nor lack of progress counts, and the deadline stands still. Heartbeats do not end it; `resume`, or a
   * change of status, does. When it passes without either, silence counts from that instant.
   *
   *     await ledger.wait(id, { untilMs: 3_600_000, reason: 'approval by a person' });
   *
   * `waiting`: until `waitingUntil`. `unchanged`: until the same instant, for the same reason, already. `refused`: the
   * delegation has ended. `missing`: no such delegation.
   *
   *     SELECT * FROM delegation_wait($1, until_ms => $2, reason => $3)
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  wait(delegationId: string, options: WaitOptions): Promise<WaitResult> {
    return this.#waiting.wait(delegationId, options);
  }

  /**
   * Ends a wait, as a sign of life. The deadline is moved back by what was not waited.
   *
   *     await ledger.resume(id);
   *
   * `resumed`: the wait has ended. `unchanged`: there was none. `refused`: the delegation has ended. `missing`: no such
   * delegation.
   *
   *     SELECT * FROM delegation_resume($1)
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  resume(delegationId: string, options: ResumeOptions = {}): Promise<ResumeResult> {
    return this.#waiting.resume(delegationId, options);
  }

  /**
   * Moves the deadline later, and changes thresholds of the delegation's own. A threshold that becomes shorter marks no agent
   * before it has been heard since, and so has learned of it.
   *
   *     await ledger.adjust(id, { deadlineMs: 86_400_000, stuckAfterMs: 30_000, stalledAfterMs: null });
   *
   * `adjusted`: written. `unchanged`: all of it was so already. `refused`: the delegation has ended, or its deadline would
   * come earlier; nothing was written. `missing`: no such delegation.
   *
   *     SELECT * FROM delegation_adjust($1, deadline_ms => $2, stuck_after_ms => $3, no_stalled_after => true)
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  adjust(delegationId: string, options: AdjustOptions): Promise<AdjustResult> {
    return this.#adjustment.adjust(delegationId, options);
  }

  /**
   * Heartbeats until it is disposed of or stopped. Those of one ledger go out together, as `heartbeatMany`.
   *
   *     await using alive = ledger.keepAlive(id);
   *     alive.progress('page 3 of 10');
   *     await work(alive.signal); // aborted when the delegation has ended
   *
   *     SELECT * FROM delegation_heartbeat_many($1, progress => $2, skip_locked => true)
   *
   * @throws InvalidArgumentError, also in a transaction: nobody would see its stamps before it is committed.
   */
  keepAlive(delegationId: string, options: KeepAliveOptions = {}): KeepAlive {
    assertId('delegationId', delegationId);
    if (this.#db.isTransaction) {
      throw new InvalidArgumentError('db', 'must not be a transaction for keepAlive: nobody sees its heartbeats');
    }
    return new KeepAlive(this.#rounds, delegationId, options);
  }

  /**
   * The delegation as it is now; null: there is none.
   *
   *     const { status, resultPreview } = (await ledger.get(id)) ?? {};
   *
   *     SELECT * FROM delegations WHERE delegation_id = $1
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  async get(delegationId: string): Promise<Delegation | null> {
    assertId('delegationId', delegationId);
    const [row] = await this.#get.run(this.#db, { delegationId });
    return row ?? null;
  }

  /**
   * Its activity, oldest first; empty for an unknown id.
   *
   *     const status = replay(await ledger.history(id));
   *
   *     SELECT * FROM activity_logs WHERE delegation_id = $1 ORDER BY activity_id
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  async history(delegationId: string): Promise<Activity[]> {
    assertId('delegationId', delegationId);
    return this.#history.run(this.#db, { delegationId });
  }
}

let sharedDefaultLogger: LogSink | undefined;

/** One for all ledgers that were given none: each would hold a stream of its own. */
function defaultLogger(): LogSink {
  sharedDefaultLogger ??= createLogger({ level: 'warn', destination: 'stderr' });
  return sharedDefaultLogger;
}
