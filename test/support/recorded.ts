import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import type { BoundStatement } from './explain.ts';

export interface RecordedStatement extends BoundStatement {
  /** What was being done. */
  readonly label: string;
}

/** A Kysely that records each statement that it sends, once, with the values of the first time. */
export class Recorder implements AsyncDisposable {
  readonly db: Kysely<Database>;
  readonly #statements = new Map<string, RecordedStatement>();
  #label = '';

  constructor(url: string) {
    this.db = new Kysely<Database>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 4 }) }),
      log: ({ query: { sql, parameters } }) => {
        if (!this.#statements.has(sql)) this.#statements.set(sql, { label: this.#label, sql, parameters });
      },
    });
  }

  async during<Result>(label: string, work: () => Promise<Result>): Promise<Result> {
    this.#label = label;
    return work();
  }

  get statements(): RecordedStatement[] {
    return [...this.#statements.values()];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.db.destroy();
  }
}
