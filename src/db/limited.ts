import { CompiledQuery } from 'kysely';
import type { LedgerDb } from './schema.ts';

/**
 * How long a transaction keeps its locks when its client disappears or is suspended between two of its statements.
 */
const IDLE_MAX_MS = 10_000;

/** An error at the COMMIT: only the rows show whether the work was committed. */
export class CommitError extends Error {
  /** Code of the error that came instead of an answer. */
  readonly code: unknown;

  constructor(cause: unknown) {
    super(`no answer to a COMMIT: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.code = (cause as { code?: unknown }).code;
  }
}

/**
 * Runs `work` in a transaction of its own, in which the server ends each statement after `timeoutMs` (57014), whatever the
 * settings of the role or the database. Keep `timeoutMs` below the client's own timeout: then the server gives up first,
 * and what it gave up is certainly undone.
 *
 * `lockTimeoutMs`: how long a statement waits for a lock (55P03); by default as long as it may take.
 *
 * Throws the database's error when nothing was committed, CommitError when that is not known.
 */
export function limited<Result>(
  db: LedgerDb,
  timeoutMs: number,
  work: (db: LedgerDb) => Promise<Result>,
  { lockTimeoutMs = 0 }: { readonly lockTimeoutMs?: number } = {},
): Promise<Result> {
  // The owner of a transaction decides about it.
  if (db.isTransaction) return work(db);
  return db.connection().execute(async (session) => {
    const tell = (sql: string) => session.executeQuery<{ command?: string }>(CompiledQuery.raw(sql));
    // One message, and only for this transaction, so that PgBouncer in transaction mode can reuse the session unchanged.
    // Citus sends the limits to the node that has the ledger; elsewhere its setting says nothing.
    await tell(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL citus.propagate_set_commands = local;
      SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)};
      SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MAX_MS}`).catch(
      async (err: unknown) => {
        await tell('ROLLBACK').catch(() => {});
        throw err;
      },
    );
    let result: Result;
    try {
      result = await work(session);
    } catch (err) {
      // When the connection is lost this fails as well, for the same reason.
      await tell('ROLLBACK').catch(() => {});
      throw err;
    }
    await tell('COMMIT').catch((err: unknown) => {
      throw new CommitError(err);
    });
    return result;
  });
}
