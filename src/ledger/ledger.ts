import type { LedgerDb } from '../db/schema.ts';
import type { EventLog } from '../log/event-log.ts';
import { createLedgerLog } from '../log/ledger-log.ts';
import type { LogSink } from '../log/log-sink.ts';
import { A2aTasks } from './a2a-tasks.ts';
import type { Activity } from './activity.ts';
import { Adjustment, type AdjustOptions, type AdjustResult } from './adjustment.ts';
import { assertDurationMs, assertId, assertNoTransaction } from './arguments.ts';
import { ConfirmedStatuses } from './confirmed-statuses.ts';
import type { Delegation } from './delegation.ts';
import type { HeartbeatOptions } from './heartbeat-options.ts';
import type { HeartbeatResult } from './heartbeat-result.ts';
import { Heartbeats } from './heartbeats.ts';
import type { InsertArguments } from './insert-arguments.ts';
import type { InsertResult } from './insert-result.ts';
import { Insertion } from './insertion.ts';
import { KeepAlive, type KeepAliveOptions } from './keep-alive.ts';
import { KeepAliveRounds, STUCK_AFTER_UNKNOWN_MS } from './keep-alive-rounds.ts';
import { defaultLogger, HEARTBEAT_MIN_INTERVAL_DEFAULT_MS, type LedgerOptions } from './ledger-options.ts';
import { Listing, type ListOptions, type ListResult } from './listing.ts';
import { ManyInsertions } from './many-insertions.ts';
import { Reading } from './reading.ts';
import { Retry, type RetryOptions, type RetryResult } from './retry.ts';
import type { SetStatusOptions } from './set-status-options.ts';
import type { SetStatusResult } from './set-status-result.ts';
import { epochStatement } from './statements/epoch.ts';
import { StatusChange, statusRequestOf } from './status-change.ts';
import { ledgerTables } from './tables.ts';
import { isTerminal, type Status } from './transitions.ts';
import { type ResumeOptions, type ResumeResult, Waiting, type WaitOptions, type WaitResult } from './waiting.ts';
import type { Watch } from './watch/watch.ts';
import type { WatchOptions, WatchTarget } from './watch/watch-request.ts';
import { Watching } from './watch/watching.ts';

export type { LedgerOptions, LogSink };

/**
 * The durable ledger of delegations, as orchestrators and agents use it.
 *
 * `db` is a Kysely instance, or a transaction of the caller, in which every method takes part. `insert`, `insertMany` and
 * the heartbeats are best effort: a database failure is logged and returned as an outcome; in a transaction they use a
 * savepoint, so that a failure does not abort the transaction. The other methods throw the database's error.
 * The tables are those that `db` finds: by its search path, or in the schema of `db.withSchema()`.
 */
export class DelegationLedger {
  /** Delegations that are tasks of the A2A protocol. */
  readonly a2aTasks: A2aTasks;
  readonly #db: LedgerDb;
  readonly #heartbeats: Heartbeats;
  readonly #rounds: KeepAliveRounds;
  readonly #insertion: Insertion;
  readonly #manyInsertions: ManyInsertions;
  readonly #statusChange: StatusChange;
  readonly #confirmed: ConfirmedStatuses;
  readonly #waiting: Waiting;
  readonly #adjustment: Adjustment;
  readonly #retry: Retry;
  readonly #listing: Listing;
  readonly #watching: Watching;
  readonly #epoch: ReturnType<typeof epochStatement>;
  readonly #reading: Reading;

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
    this.#retry = new Retry(db, tables);
    this.#listing = new Listing(db, tables);
    this.#watching = new Watching(db, tables, log);
    this.#epoch = epochStatement(tables);
    this.#heartbeats = new Heartbeats(db, tables, log, heartbeatMinIntervalMs, (epoch) =>
      this.#confirmed.onEpoch(epoch),
    );
    this.#rounds = new KeepAliveRounds(this.#heartbeats);
    this.#confirmed = new ConfirmedStatuses(
      {
        setStatus: (request) => this.#statusChange.apply(request),
        statusOf: async (delegationId) => (await this.get(delegationId))?.status ?? null,
        epoch: async () => (await this.#epoch.run(db, {}))[0]?.epoch ?? null,
        keptMs: () => this.#heartbeats.stuckAfterMs ?? STUCK_AFTER_UNKNOWN_MS,
      },
      log,
    );
    this.a2aTasks = new A2aTasks(db, tables, log, (request) => this.#confirmed.remember(request));
    this.#reading = new Reading(db, tables);
  }

  /**
   * Records a new delegation as `queued`, with its first activity. Never throws.
   *
   *     const { outcome, delegationId } = await ledger.insert({
   *       delegationId: uuidv7(), callerId: 'planner', calleeId: 'coder', taskPreview: 'Fix the build', idempotencyKey: 'task-7',
   *     });
   *     // inserted | duplicate: `delegationId` holds the id or the key already | invalid: `error.field` | failed: logged
   *
   * SQL: `SELECT ... FROM delegation_insert($1, ...)`
   */
  insert(delegation: InsertArguments): Promise<InsertResult> {
    return this.#insertion.insert(delegation);
  }

  /**
   * Records many delegations in one round trip per 1000: one result each, as from `insert`, in the order of the list. One
   * that is invalid, or whose insert fails, does not make the others fail. Never throws.
   *
   *     const results = await ledger.insertMany(tasks.map((task) => ({ ...task, callerId: 'planner' })));
   *     const lost = results.filter(({ outcome }) => outcome === 'failed' || outcome === 'invalid');
   *
   * SQL: `SELECT ... FROM delegation_insert_many($1, ...)`
   */
  insertMany(delegations: readonly InsertArguments[]): Promise<InsertResult[]> {
    return this.#manyInsertions.insertMany(delegations);
  }

  /**
   * Moves a delegation forward, with its activity, as one compare-and-set. A change to `in_progress` or to a terminal status
   * that the database confirmed is kept in memory for the daemon's threshold (at most 10000 delegations, 32 MiB), and
   * repeated when the database turns out to have gone back in time; not one made in a transaction of the caller.
   *
   *     const result = await ledger.setStatus(id, 'completed', { resultPreview: 'Build is green', responseBody });
   *     // changed | unchanged: it had that status | refused: it cannot go back; a result is recorded as a late one
   *     // | missing: no such delegation; recorded as an orphan update
   *
   * SQL: `SELECT ... FROM delegation_set_status($1, ...)`
   *
   * @throws InvalidArgumentError before anything is written, or the database's error.
   */
  async setStatus(delegationId: string, status: Status, options: SetStatusOptions = {}): Promise<SetStatusResult> {
    const request = statusRequestOf(delegationId, status, options);
    const result = await this.#statusChange.apply(request);
    // A transaction of the caller may still be rolled back.
    const isConfirmed = result.outcome === 'changed' || (result.outcome === 'unchanged' && isTerminal(status));
    if (isConfirmed && !this.#db.isTransaction) this.#confirmed.remember(request);
    return result;
  }

  /**
   * Records that the delegation's agent is alive and, if given, how far its work is. Never throws. `keepAlive` sends
   * heartbeats in a loop.
   *
   *     const { outcome, stuckAfterMs } = await ledger.heartbeat(id, { progress: '3 of 7 files' });
   *     // stamped | fresh: stamped a moment ago, nothing written | terminal: stop working on it | missing | failed: logged
   *
   * SQL: `SELECT ... FROM delegation_heartbeat($1, min_interval_ms => $2, progress => $3)`
   */
  heartbeat(delegationId: string, options: HeartbeatOptions = {}): Promise<HeartbeatResult> {
    return this.#heartbeats.beat(delegationId, options.progress);
  }

  /**
   * Heartbeats of many delegations: one result per id, as from `heartbeat`, in the order given, in one round trip. Two calls
   * that share ids cannot deadlock. At most 10000 ids. Never throws.
   *
   *     const results = await ledger.heartbeatMany([...working]);
   *     for (const { delegationId, outcome } of results) if (outcome === 'terminal') stop(delegationId);
   *
   * SQL: `SELECT ... FROM delegation_heartbeat_many($1, ...)`
   */
  heartbeatMany(delegationIds: readonly string[]): Promise<HeartbeatResult[]> {
    return this.#heartbeats.beatMany(delegationIds);
  }

  /**
   * Records that the delegation waits for something outside its agent. Until the given instant its silence is allowed and its
   * deadline stands still. A heartbeat does not end the wait; resume() and a change of status do.
   *
   *     await ledger.wait(id, { untilMs: 7 * 24 * 3_600_000, reason: 'approval by a person' });
   *     // waiting | unchanged: it waits so already | refused: it has ended | missing
   *
   * SQL: `SELECT ... FROM delegation_wait($1, ...)`
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  wait(delegationId: string, options: WaitOptions): Promise<WaitResult> {
    return this.#waiting.wait(delegationId, options);
  }

  /**
   * Ends a wait. The deadline moves earlier by the part of the wait that was not used. Counts as a heartbeat.
   *
   *     const { outcome } = await ledger.resume(id); // resumed | unchanged: it did not wait | refused: it has ended | missing
   *
   * SQL: `SELECT ... FROM delegation_resume($1, ...)`
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  resume(delegationId: string, options: ResumeOptions = {}): Promise<ResumeResult> {
    return this.#waiting.resume(delegationId, options);
  }

  /**
   * Changes the deadline, to a later one only, and the delegation's own thresholds; null removes one. A lower threshold
   * applies from the agent's next heartbeat on, whose answer names it.
   *
   *     await ledger.adjust(id, { deadlineMs: 3_600_000, stuckAfterMs: 30_000, stalledAfterMs: null });
   *     // adjusted | unchanged: nothing differs | refused: it has ended, or the deadline is earlier | missing
   *
   * SQL: `SELECT ... FROM delegation_adjust($1, ...)`
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  adjust(delegationId: string, options: AdjustOptions): Promise<AdjustResult> {
    return this.#adjustment.adjust(delegationId, options);
  }

  /**
   * Tries again what a delegation left undone that failed or is stuck: a new delegation, `queued`, with the same caller,
   * callee, task, request and thresholds. A delegation is tried again once; the attempt after that is a retry of the retry.
   *
   *     const { outcome, delegationId, attempt } = await ledger.retry(id, { actor: 'planner' });
   *     // inserted | duplicate: `delegationId` was tried before | refused: it is open or completed | missing
   *
   * SQL: `SELECT ... FROM delegation_retry($1, ...)`
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  retry(delegationId: string, options: RetryOptions = {}): Promise<RetryResult> {
    return this.#retry.retry(delegationId, options);
  }

  /**
   * Heartbeats until disposed, several times within the delegation's threshold. Heartbeats of one ledger are sent together.
   *
   *     await using alive = ledger.keepAlive(id, { onTerminal: ({ status }) => console.warn(`it is ${status}: stop`) });
   *     await work({ signal: alive.signal, onFile: (name) => alive.progress(name) });
   *
   * SQL: `SELECT ... FROM delegation_heartbeat_many($1, ...)` once per round; for one alone that of `heartbeat`
   *
   * @throws InvalidArgumentError, also in a transaction: its heartbeats would not be visible before the commit.
   */
  keepAlive(delegationId: string, options: KeepAliveOptions = {}): KeepAlive {
    assertId('delegationId', delegationId);
    assertNoTransaction(this.#db, 'keepAlive', 'its heartbeats would not be visible');
    return new KeepAlive(this.#rounds, delegationId, options);
  }

  /**
   * The row, or null for an unknown id.
   *
   *     const delegation = await ledger.get(id);
   *     if (delegation?.status === 'stuck') console.warn(delegation.errorDetail);
   *
   * SQL: `SELECT ... FROM delegations WHERE delegation_id = $1`
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  get(delegationId: string): Promise<Delegation | null> {
    return this.#reading.get(delegationId);
  }

  /**
   * Its activity, oldest first; empty for an unknown id.
   *
   *     for (const { createdAt, event, actor } of await ledger.history(id)) console.log(createdAt, event, actor);
   *
   * SQL: `SELECT ... FROM activity_logs WHERE delegation_id = $1 ORDER BY activity_id`
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  history(delegationId: string): Promise<Activity[]> {
    return this.#reading.history(delegationId);
  }

  /**
   * Delegations by pages, newest first. A page costs its own rows, however large the ledger is.
   *
   *     const { rows, next } = await ledger.list({ status: 'stuck', calleeId: 'coder', limit: 50 });
   *     if (next !== null) await ledger.list({ status: 'stuck', calleeId: 'coder', limit: 50, after: next });
   *
   * SQL: `SELECT ... FROM delegations WHERE ... ORDER BY created_at DESC, delegation_id DESC LIMIT ...`
   *
   * @throws InvalidArgumentError, or the database's error.
   */
  list(options: ListOptions = {}): Promise<ListResult> {
    return this.#listing.list(options);
  }

  /**
   * What becomes of delegations: of these ids until all have ended, beginning with how each stands; or of all that a caller has.
   *
   *     for await (const { event, delegationId } of ledger.watch(ids, { everyMs: 500 })) console.log(delegationId, event);
   *     // completed | failed | stuck | late_result | waiting | resumed, or others by `events`; missing: not in the ledger
   *
   * SQL: `SELECT ... FROM activity_logs WHERE delegation_id = ... AND activity_id > ... ORDER BY activity_id`
   *
   * @throws InvalidArgumentError, also in a transaction, whose snapshot may never change.
   */
  watch(target: WatchTarget, options: WatchOptions = {}): Watch {
    return this.#watching.watch(target, options);
  }
}
