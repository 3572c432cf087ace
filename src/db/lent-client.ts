import type { PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { DatabaseClient } from './database-client.ts';
import { PoolTurnError } from './pool-turn-error.ts';

export interface LentClientOptions {
  /** A query that takes longer is given up. Undefined: none is by itself. */
  readonly queryMaxMs: number | undefined;
  /** A query succeeded. */
  readonly onAnswer: () => void;
  readonly onReturn: () => void;
}

/** A connection that one user of a shared pool has, with the time since when its query runs. */
export class LentClient {
  readonly #client: PostgresPoolClient;
  readonly #options: LentClientOptions;
  /** Rejects the query under way. */
  #reject: ((err: Error) => void) | null = null;
  #queryingSinceMs: number | null = null;
  #isReturned = false;

  constructor(client: PostgresPoolClient, options: LentClientOptions) {
    this.#client = client;
    this.#options = options;
  }

  get processID(): number | undefined {
    return this.#client.processID;
  }

  /** How long its query has been running, in milliseconds; 0 between two queries. */
  queryingForMs(nowMs: number): number {
    return this.#queryingSinceMs === null ? 0 : nowMs - this.#queryingSinceMs;
  }

  async query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    // Where nobody waits for the query any more.
    givenUp.catch(() => {});
    this.#reject = reject;
    this.#queryingSinceMs = performance.now();
    const answer = this.#client.query<Row>(sql, parameters);
    answer.catch(() => {});
    const { queryMaxMs, onAnswer } = this.#options;
    const timer = queryMaxMs === undefined ? undefined : setTimeout(() => this.giveUp(tooLong(queryMaxMs)), queryMaxMs);
    try {
      const result = await Promise.race([answer, givenUp]);
      onAnswer();
      return result;
    } finally {
      clearTimeout(timer);
      this.#queryingSinceMs = null;
      this.#reject = null;
    }
  }

  /** Its query fails now, and is cancelled on the server; the connection ends. */
  giveUp(err: Error): void {
    (this.#client as unknown as DatabaseClient).giveUp(err);
    this.#reject?.(err);
  }

  release(destroy?: boolean): void {
    if (this.#isReturned) return;
    this.#isReturned = true;
    this.#client.release(destroy);
    this.#options.onReturn();
  }
}

function tooLong(queryMaxMs: number): PoolTurnError {
  return new PoolTurnError(
    `Connection terminated: the query had run for ${queryMaxMs / 1000} s, and others wait for it`,
  );
}
