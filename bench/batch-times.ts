import type { Kysely } from 'kysely';
import type { Database } from '../src/db/schema.ts';
import type { LedgerDatabase } from './ledger-database.ts';

/** Records how long each batch of a sweep takes, from sending to answer, which is how long its locks are held. */
export class BatchTimes {
  readonly db: Kysely<Database>;
  /** In the order of their ends. */
  readonly ms: number[] = [];

  constructor(database: LedgerDatabase) {
    this.db = database.open({
      log: ({ query, queryDurationMillis }) => {
        if (query.sql.includes('picked AS MATERIALIZED')) this.ms.push(queryDurationMillis);
      },
    });
  }

  /** The median of the last eighth of the batches divided by that of the first. */
  get drift(): number {
    const eighth = Math.max(1, Math.floor(this.ms.length / 8));
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return mean(this.ms.slice(-eighth)) / mean(this.ms.slice(0, eighth));
  }
}
