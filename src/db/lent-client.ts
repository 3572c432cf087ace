import type { PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { DatabaseClient } from './database-client.ts';

export interface LentClientListener {
  /** A query succeeded. */
  readonly onAnswer: () => void;
  readonly onReturn: () => void;
}

/** A connection that one user of a shared pool has, with the time since when its query runs. */
export class LentClient {
  readonly #client: PostgresPoolClient;
  readonly #listener: LentClientListener;
  /** Rejects the query under way. */
  #reject: ((err: Error) => void) | null = null;
  #queryingSinceMs: number | null = null;
  #isReturned = false;

  constructor(client: PostgresPoolClient, listener: LentClientListener) {
    this.#client = client;
    this.#listener = listener;
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
    try {
      const result = await Promise.race([answer, givenUp]);
      this.#listener.onAnswer();
      return result;
    } finally {
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
    this.#listener.onReturn();
  }
}
