import type { Kysely } from 'kysely';
import type { Database } from '../src/db/schema.ts';
import type { LedgerDatabase } from './ledger-database.ts';

/** Hears how long each batch of a sweep takes: from its sending to its answer, locks held all the while and no longer. */
export class BatchTimes {
  readonly db: Kysely<Database>;
  /** In the order in which they ended. */
  readonly ms: number[] = [];

  constructor(database: LedgerDatabase) {
    this.db = database.open({
      log: ({ query, queryDurationMillis }) => {
        if (query.sql.includes('picked AS MATERIALIZED')) this.ms.push(queryDurationMillis);
      },
    });
  }

  /** The last eighth of the batches against the first, of their medians. */
  get drift(): number {
    const eighth = Math.max(1, Math.floor(this.ms.length / 8));
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return mean(this.ms.slice(-eighth)) / mean(this.ms.slice(0, eighth));
  }
}
