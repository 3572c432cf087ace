import type { LedgerDb } from '../db/schema.ts';
import { createEventLog, type EventLog, type LogSink } from '../log/event-log.ts';
import { createLogger } from '../log/logger.ts';
import type { Activity } from './activity.ts';
import { assertDurationMs, assertId } from './arguments.ts';
import type { Delegation } from './delegation.ts';
import { type HeartbeatResult, Heartbeats } from './heartbeats.ts';
import { type InsertArguments, Insertion, type InsertResult } from './insertion.ts';
import { KeepAlive, type KeepAliveOptions } from './keep-alive.ts';
import { getStatement, historyStatement } from './statements/read.ts';
import { type SetStatusOptions, type SetStatusResult, StatusChange, sayingOf } from './status-change.ts';
import { ledgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

export interface LedgerOptions {
  /** Where the ledger's events go: any pino logger. Default: JSON lines on stderr, from `warn` up. */
  readonly logger?: LogSink;
  /**
   * A heartbeat younger than this is `fresh` and writes nothing. Default 15000: 40 stamps in the default threshold of
   * ten minutes. Never more than a tenth of the daemon's threshold, whatever is asked.
   */
  readonly heartbeatMinIntervalMs?: number;
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
  readonly #insertion: Insertion;
  readonly #statusChange: StatusChange;
  readonly #get: ReturnType<typeof getStatement>;
  readonly #history: ReturnType<typeof historyStatement>;

  /** @throws InvalidArgumentError for a heartbeatMinIntervalMs that is not a positive number of milliseconds. */
  constructor(db: LedgerDb, options: LedgerOptions = {}) {
    const { heartbeatMinIntervalMs = HEARTBEAT_MIN_INTERVAL_DEFAULT_MS } = options;
    assertDurationMs('heartbeatMinIntervalMs', heartbeatMinIntervalMs);
    const log: EventLog = createEventLog(options.logger ?? defaultLogger());
    const tables = ledgerTables(db);
    this.#db = db;
    this.#insertion = new Insertion(db, tables, log);
    this.#statusChange = new StatusChange(db, tables, log);
    this.#heartbeats = new Heartbeats(db, tables, log, heartbeatMinIntervalMs);
    this.#get = getStatement(tables);
    this.#history = historyStatement(tables);
  }

  /** Records a new delegation as `queued`. Never throws: `invalid` names the field, `failed` was logged. */
  insert(delegation: InsertArguments): Promise<InsertResult> {
    return this.#insertion.insert(delegation);
  }

  /**
   * Moves a delegation forward, with its activity, as one compare-and-set.
   * @throws InvalidArgumentError before anything is written, or the database's error.
   */
  async setStatus(delegationId: string, status: Status, options: SetStatusOptions = {}): Promise<SetStatusResult> {
    return this.#statusChange.say(sayingOf(delegationId, status, options));
  }

  /** Says that the delegation's agent is alive. `terminal` and `missing` mean: stop working on it. Never throws. */
  heartbeat(delegationId: string): Promise<HeartbeatResult> {
    return this.#heartbeats.beat(delegationId);
  }

  /** One result an id, in the order given, for one round trip. At most 10000 ids. Never throws. */
  heartbeatMany(delegationIds: readonly string[]): Promise<HeartbeatResult[]> {
    return this.#heartbeats.beatMany(delegationIds);
  }

  /** Heartbeats until disposed: `await using alive = ledger.keepAlive(id)`. @throws InvalidArgumentError */
  keepAlive(delegationId: string, options: KeepAliveOptions = {}): KeepAlive {
    assertId('delegationId', delegationId);
    return new KeepAlive((id) => this.heartbeat(id), delegationId, options);
  }

  /** The row, or null. @throws InvalidArgumentError, or the database's error. */
  async get(delegationId: string): Promise<Delegation | null> {
    assertId('delegationId', delegationId);
    const [row] = await this.#get.run(this.#db, [delegationId]);
    return row ?? null;
  }

  /** Its activity, oldest first; empty for an unknown id. @throws InvalidArgumentError, or the database's error. */
  async history(delegationId: string): Promise<Activity[]> {
    assertId('delegationId', delegationId);
    return this.#history.run(this.#db, [delegationId]);
  }
}

let sharedDefaultLogger: LogSink | undefined;

/** One for all ledgers that were given none: each would hold a stream of its own. */
function defaultLogger(): LogSink {
  sharedDefaultLogger ??= createLogger({ level: 'warn', destination: 'stderr' });
  return sharedDefaultLogger;
}
