import { sql, type Transaction } from 'kysely';
import type { LedgerDb } from './schema.ts';

/**
 * Runs reads on which no agent's work depends: the server itself ends a statement after `timeoutMs`, and no plan may read a
 * whole table, or collect in a bitmap all rows that match, where an index in the right order limits it. Throws the database's error: 57014 for a statement that took too long.
 *
 * `snapshot`: all of its statements see the same rows. In a transaction that is open already, its owner decides about all of this.
 */
export function boundedRead<Result>(
  db: LedgerDb,
  timeoutMs: number,
  // biome-ignore lint/suspicious/noExplicitAny: as in LedgerDb.
  read: (db: Transaction<any>) => Promise<Result>,
  { snapshot = false }: { readonly snapshot?: boolean } = {},
): Promise<Result> {
  // biome-ignore lint/suspicious/noExplicitAny: as in LedgerDb.
  if (db.isTransaction) return read(db as Transaction<any>);
  return db
    .transaction()
    .setAccessMode('read only')
    .setIsolationLevel(snapshot ? 'repeatable read' : 'read committed')
    .execute(async (transaction) => {
      // Only for this transaction, so that PgBouncer in transaction mode can reuse the session unchanged.
      await sql`
        SELECT set_config('statement_timeout', ${String(timeoutMs)}, true), set_config('enable_seqscan', 'off', true),
          set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true)`.execute(transaction);
      return read(transaction);
    });
}
