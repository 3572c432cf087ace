import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import { sqlstate } from './sqlstate.ts';

/** The kernel took no byte of the query: it knew before we did that the other side had closed. */
const REFUSED_WRITE = 'EPIPE';
/** PgBouncer's, which has no code of its own: it comes as a protocol violation. */
const CLIENT_IDLE_TIMEOUT = { code: sqlstate.protocolViolation, message: 'client_idle_timeout' };

/**
 * Whether the server had closed the connection for its idleness before the query came: it was not begun, and it may be
 * sent again over another connection, whatever it does.
 */
export function isIdleClosed(err: unknown): boolean {
  const { code, message } = (err ?? {}) as { code?: unknown; message?: unknown };
  if (code === sqlstate.idleSessionTimeout || code === REFUSED_WRITE) return true;
  return code === CLIENT_IDLE_TIMEOUT.code && String(message).includes(CLIENT_IDLE_TIMEOUT.message);
}

/** Runs it again, at once and once, when its connection turns out to have been closed for its idleness. */
export async function againWhereIdleClosed<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (err) {
    if (!isIdleClosed(err)) throw err;
    return run();
  }
}

/**
 * The pool for Kysely, whose clients send the first query after they were taken out again over another connection where
 * the server had just closed theirs. The first alone, which may be BEGIN: what follows may belong to a transaction.
 */
export function outlivingIdleTimeouts(pool: PostgresPool): PostgresPool {
  return {
    ...(pool.Client && { Client: pool.Client }),
    options: pool.options,
    // Without cursors, which nothing here reads by.
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
    // First given back: a pool of one has no other.
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
