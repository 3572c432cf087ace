import { EventEmitter } from 'node:events';
import type pg from 'pg';
import { parseAddress } from '../address/database-address.ts';
import { requestCancel } from './cancel-request.ts';
import type { ClientGroup } from './client-group.ts';
import { verdictOn } from './connection-verdict.ts';
import { openSession } from './open-session.ts';
import type { Session } from './session.ts';

export interface DatabaseClientOptions {
  /** The URL, read again for each connection. */
  readonly url: () => string;
  /** What the URL may override. */
  readonly driver: pg.ClientConfig;
  /** For all hosts of the URL together. */
  readonly connectTimeoutMs: number;
  /** A query without an answer for so long makes idle connections suspect: they may be half open, too. Undefined: never. */
  readonly suspectAfterMs: number | undefined;
}

type Callback = (err: Error | null, result?: unknown) => void;

/** How long to wait for the server's answer to a connection's end. */
const CLOSE_WITHIN_MS = 2_000;

/**
 * Used by pg.Pool in place of pg.Client: finds the right host among several, and knows when its connection must not be
 * used again. A pool checks `_queryable` when a client is returned.
 */
export class DatabaseClient extends EventEmitter {
  readonly #group: ClientGroup;
  readonly #options: DatabaseClientOptions;
  /** The attempt that is under way, then the session. */
  #session: Session | undefined;
  /** Why the pool must not reuse it. */
  #retired: Error | undefined;
  /** Why no further query may be sent here. */
  #lost: Error | undefined;
  #isOpen = false;
  #ending = false;
  #underWay = 0;
  /** Of the last query, by this process's monotonic clock. */
  #answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(group: ClientGroup, options: DatabaseClientOptions) {
    super();
    this.#group = group;
    this.#options = options;
    // A broken connection fails its query and emits this as well. Without a listener the process would end.
    this.on('error', () => {});
  }

  /** What a pool destroys after its timeout. */
  get connection(): unknown {
    return this.#session?.connection;
  }

  get processID(): number | null {
    return this.#session?.processID ?? null;
  }

  get _queryable(): boolean {
    return this.#retired === undefined && this.#session?.isQueryable === true;
  }

  get _ending(): boolean {
    return this.#ending;
  }

  isConnected(): boolean {
    return this.#session !== undefined;
  }

  connect(callback?: Callback): Promise<this> | undefined {
    const connected = this.#connect();
    if (!callback) return connected.then(() => this);
    connected.then(() => callback(null, this), callback);
    return undefined;
  }

  async #connect(): Promise<void> {
    const { url, driver, connectTimeoutMs } = this.#options;
    const isGivenUp = () => this.#ending || this.#lost !== undefined;
    // Before it connects: a pool that is closed at its time limit also ends attempts.
    this.#group.add(this);
    try {
      const session = await openSession(parseAddress(url()), driver, connectTimeoutMs, this.#group, {
        attempt: (attempt) => {
          this.#session = attempt;
        },
        isGivenUp,
      });
      if (isGivenUp() || !session.isQueryable) {
        session.destroy();
        throw this.#lost ?? new Error('Connection terminated: it was ended while it opened');
      }
      this.#listen(session);
      this.#isOpen = true;
    } catch (err) {
      this.#group.delete(this);
      throw err;
    }
  }

  #listen(session: Session): void {
    const { client } = session;
    for (const event of ['notice', 'notification', 'drain'] as const) {
      client.on(event as 'notice', (value: unknown) => this.emit(event, value));
    }
    client.on('end', () => {
      this.#group.delete(this);
      this.emit('end');
    });
    client.on('error', (err) => {
      if (this.#retired === undefined && !this.#ending) this.emit('error', err);
    });
    session.onReadOnly((err) => {
      this.retire(err);
    });
  }

  /** As pg.Client's, by promise, by callback or with a query object. */
  query(...args: unknown[]): unknown {
    const client = this.#session?.client;
    if (this.#lost !== undefined || client === undefined) return this.#refuse(args);
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    const callback = args.at(-1);
    this.#underWay += 1;
    const timer = this.#suspectLater();
    if (typeof callback === 'function') {
      return query(...args.slice(0, -1), (err: Error | null, result: unknown) => {
        this.#done(err, timer);
        callback(err, result);
      });
    }
    const answer = query(...args);
    if (!(answer instanceof Promise)) {
      this.#underWay -= 1;
      clearTimeout(timer);
      return answer;
    }
    return answer.then(
      (result) => {
        this.#done(null, timer);
        return result;
      },
      (err: Error) => {
        this.#done(err, timer);
        throw err;
      },
    );
  }

  /**
   * The query itself may only be slow, and goes on. Left in the pool, each of the idle connections would hold up a heartbeat
   * for as long as this one.
   */
  #suspectLater(): NodeJS.Timeout | undefined {
    const { suspectAfterMs } = this.#options;
    if (suspectAfterMs === undefined) return undefined;
    const sentAtMs = performance.now();
    const suspect = () => {
      const err = new Error(`Connection given up: another one had no answer for ${suspectAfterMs} ms`);
      this.#group.retireIdle(sentAtMs, err);
    };
    return setTimeout(suspect, suspectAfterMs).unref();
  }

  isIdleSince(sinceMs: number): boolean {
    return this.#underWay === 0 && this.#answeredAtMs < sinceMs;
  }

  #refuse(args: readonly unknown[]): unknown {
    const err = new Error(`Connection terminated: ${this.#lost?.message ?? 'it was never opened'}`, {
      cause: this.#lost,
    });
    const callback = args.at(-1);
    if (typeof callback !== 'function') return Promise.reject(err);
    process.nextTick(callback as Callback, err);
    return undefined;
  }

  #done(err: Error | null | undefined, timer: NodeJS.Timeout | undefined): void {
    clearTimeout(timer);
    this.#underWay -= 1;
    this.#answeredAtMs = performance.now();
    const verdict = err ? verdictOn(err) : 'good';
    if (verdict === 'good') return;
    if (verdict === 'cut') this.#cutAfterCancel(err!);
    else this.#retired ??= err!;
    this.#group.retireOthers(this, err!);
  }

  /** The pool does not reuse it any more; a query under way may finish. An idle one leaves its pool at once. */
  retire(err: Error): void {
    if (!this.#isOpen || this.#retired !== undefined || this.#ending) return;
    this.#retired = err;
    const isIdle = this.#underWay === 0 && this.#session?.isInTransaction !== true;
    // A pool listens to its idle clients and drops those that fail.
    if (isIdle) this.emit('error', err);
  }

  /** Ends the connection now; a query under way fails. */
  cut(err: Error): void {
    this.#retired ??= err;
    this.#lost ??= err;
    this.#session?.destroy();
  }

  /** Gives up the query under way: the server is asked to cancel it, then the connection ends. */
  giveUp(err: Error): void {
    if (this.#session !== undefined) this.#cutAfterCancel(err);
  }

  #cutAfterCancel(err: Error): void {
    if (this.#lost !== undefined) return;
    this.#retired ??= err;
    this.#lost = err;
    const session = this.#session!;
    // The request first: PgBouncer forgets a client's query when that client disconnects.
    void session
      .cancelTarget()
      .then(requestCancel, () => {})
      .finally(() => session.destroy());
  }

  end(callback?: () => void): Promise<void> | undefined {
    this.#ending = true;
    const ended = this.#end();
    if (!callback) return ended;
    void ended.then(callback);
    return undefined;
  }

  async #end(): Promise<void> {
    // It ends by itself, after the cancel request.
    if (this.#lost !== undefined || this.#session === undefined) return;
    const session = this.#session;
    // A half-open connection never confirms its end.
    const timer = setTimeout(() => session.destroy(), CLOSE_WITHIN_MS);
    await session.client.end();
    clearTimeout(timer);
  }

  ref(): void {
    this.#session?.ref();
  }

  unref(): void {
    this.#session?.unref();
  }

  getTransactionStatus(): string | null {
    return this.#session?.transactionStatus ?? null;
  }
}
