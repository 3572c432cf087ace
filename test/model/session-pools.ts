import pg from 'pg';
import type { TestDatabase } from '../support/database.ts';
import { type Queryable, waitFor } from '../support/wait-for.ts';

/** The schema that every session has on its search path. */
export const LEDGER = 'public';

/**
 * The sessions' connections, for one world after the other: on a new connection the server reads its catalogs and compiles
 * and plans every function anew, which takes longer than most scenarios.
 */
export class SessionPools implements AsyncDisposable {
  readonly #database: Pick<TestDatabase, 'url' | 'query'>;
  readonly #pools = new Map<string, pg.Pool>();

  constructor(database: Pick<TestDatabase, 'url' | 'query'>) {
    this.#database = database;
  }

  /** A session's, of so many connections at most. */
  of(session: number, connections: number): pg.Pool {
    return this.#pool(`${session} with ${connections}`, { max: connections });
  }

  /** What is stored in the ledger of a schema, by names without it. */
  storeOf(schema: string): Queryable {
    if (schema === LEDGER) return this.#database;
    const pool = this.#pool(schema, { max: 1, options: `-c search_path=${schema}` });
    return {
      query: async <Row>(text: string, values: unknown[] = []) => (await pool.query(text, values)).rows as Row[],
    };
  }

  /** Resolves when what was begun is over. */
  async areIdle(): Promise<void> {
    const pools = [...this.#pools.values()];
    await waitFor('the sessions to be idle', () =>
      pools.every(({ idleCount, totalCount, waitingCount }) => idleCount === totalCount && waitingCount === 0),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.end()));
  }

  #pool(key: string, options: pg.PoolConfig): pg.Pool {
    const pool =
      this.#pools.get(key) ?? new pg.Pool({ connectionString: this.#database.url, idleTimeoutMillis: 0, ...options });
    this.#pools.set(key, pool);
    return pool;
  }
}
