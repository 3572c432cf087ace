import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import { sqlstate } from './sqlstate.ts';

/** The kernel accepted no byte of the query: it knew already that the other side had closed. */
const REFUSED_WRITE = 'EPIPE';
/** PgBouncer's, which has no code of its own: it arrives as a protocol violation. */
const CLIENT_IDLE_TIMEOUT = { code: sqlstate.protocolViolation, message: 'client_idle_timeout' };

/**
 * Whether the server had closed the connection for being idle before the query arrived: the query was not begun, so it
 * may be sent again over another connection, whatever it does.
 */
export function isIdleClosed(err: unknown): boolean {
  const { code, message } = (err ?? {}) as { code?: unknown; message?: unknown };
  if (code === sqlstate.idleSessionTimeout || code === REFUSED_WRITE) return true;
  return code === CLIENT_IDLE_TIMEOUT.code && String(message).includes(CLIENT_IDLE_TIMEOUT.message);
}

/** Runs it again, at once and only once, when its connection had been closed for being idle. */
export async function againWhereIdleClosed<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (err) {
    if (!isIdleClosed(err)) throw err;
    return run();
  }
}

/**
 * The pool for Kysely. When the server had just closed a client's connection, its first query is sent again over another
 * one. Only the first, which may be BEGIN: later ones may belong to a transaction.
 */
export function outlivingIdleTimeouts(pool: PostgresPool): PostgresPool {
  return {
    ...(pool.Client && { Client: pool.Client }),
    options: pool.options,
    // Without cursors, which nothing here uses.
    connect: async () => new FreshClient(pool, await pool.connect()) as unknown as PostgresPoolClient,
    end: () => pool.end(),
  };
}

class FreshClient {
  readonly #pool: PostgresPool;
  /** Null when the connection was closed and there is no other. */
  #client: PostgresPoolClient | null;
  #used = false;

  constructor(pool: PostgresPool, client: PostgresPoolClient) {
    this.#pool = pool;
    this.#client = client;
  }

  get processID(): number | undefined {
    return this.#client?.processID;
  }

  async query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    const first = !this.#used;
    this.#used = true;
    if (!this.#client) throw new Error('Connection terminated');
    try {
      return await this.#client.query<Row>(sql, parameters);
    } catch (err) {
      if (!first || !isIdleClosed(err)) throw err;
      const client = await this.#renew();
      return client.query<Row>(sql, parameters);
    }
  }

  async #renew(): Promise<PostgresPoolClient> {
    // Returned first: a pool of one connection has no other.
    const closed = this.#client;
    this.#client = null;
    closed?.release(true);
    this.#client = await this.#pool.connect();
    return this.#client;
  }

  release(destroy?: boolean): void {
    this.#client?.release(destroy);
  }
}
