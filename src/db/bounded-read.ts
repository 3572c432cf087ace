import { sql, type Transaction } from 'kysely';
import type { LedgerDb } from './schema.ts';

// biome-ignore lint/suspicious/noExplicitAny: as in LedgerDb.
type Read<Result> = (db: Transaction<any>) => Promise<Result>;

/** No plan may read a whole table, or collect in a bitmap all rows that match, where an index in the right order limits it. */
const byIndex = { enable_seqscan: 'off', enable_bitmapscan: 'off', jit: 'off' };

/**
 * Runs reads on which no agent's work depends: the server itself ends a statement after `timeoutMs`, and plans use the
 * indexes. Throws the database's error: 57014 for a statement that took too long.
 *
 * `snapshot`: all of its statements see the same rows. In a transaction that is open already, its owner decides about all of this.
 */
export function boundedRead<Result>(
  db: LedgerDb,
  timeoutMs: number,
  read: Read<Result>,
  { snapshot = false }: { readonly snapshot?: boolean } = {},
): Promise<Result> {
  return inReadOnly(db, { statement_timeout: String(timeoutMs), ...byIndex }, read, snapshot);
}

/** The same with the plans that any other session gets. */
export function readOnly<Result>(db: LedgerDb, timeoutMs: number, read: Read<Result>): Promise<Result> {
  return inReadOnly(db, { statement_timeout: String(timeoutMs) }, read, false);
}

/** The settings are for this transaction alone, so that PgBouncer in transaction mode can reuse the session unchanged. */
function inReadOnly<Result>(
  db: LedgerDb,
  settings: Readonly<Record<string, string>>,
  read: Read<Result>,
  snapshot: boolean,
): Promise<Result> {
  // biome-ignore lint/suspicious/noExplicitAny: as in LedgerDb.
  if (db.isTransaction) return read(db as Transaction<any>);
  return db
    .transaction()
    .setAccessMode('read only')
    .setIsolationLevel(snapshot ? 'repeatable read' : 'read committed')
    .execute(async (transaction) => {
      const calls = Object.entries(settings).map(([name, value]) => sql`set_config(${name}, ${value}, true)`);
      await sql`SELECT ${sql.join(calls)}`.execute(transaction);
      return read(transaction);
    });
}
