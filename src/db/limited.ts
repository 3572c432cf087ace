import { CompiledQuery } from 'kysely';
import type { LedgerDb } from './schema.ts';

/**
 * A transaction whose client has vanished, or was frozen, between two of its statements keeps its locks no longer than
 * this.
 */
const IDLE_MAX_MS = 10_000;

/** An error that came with the COMMIT: only a look at the rows tells whether the work is there. */
export class CommitError extends Error {
  /** Of the error that came instead of an answer. */
  readonly code: unknown;

  constructor(cause: unknown) {
    super(`no answer to a COMMIT: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.code = (cause as { code?: unknown }).code;
  }
}

/**
 * Runs `work` in a transaction of its own, in which the server ends each statement after `timeoutMs` (57014) and which
 * no setting of the role or the database can change. Keep `timeoutMs` below the client's own timeout: then the server is
 * the one that gives up, and what it gave up is undone for certain.
 *
 * Throws the database's error when nothing was committed, CommitError when that is not known.
 */
export function limited<Result>(
  db: LedgerDb,
  timeoutMs: number,
  work: (db: LedgerDb) => Promise<Result>,
): Promise<Result> {
  // Who brings a transaction decides over it.
  if (db.isTransaction) return work(db);
  return db.connection().execute(async (session) => {
    const tell = (sql: string) => session.executeQuery<{ command?: string }>(CompiledQuery.raw(sql));
    // One message, and of this transaction alone, so that PgBouncer in transaction mode hands the session on as it was.
    await tell(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)};
      SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MAX_MS}`).catch(
      async (err: unknown) => {
        await tell('ROLLBACK').catch(() => {});
        throw err;
      },
    );
    let result: Result;
    try {
      result = await work(session);
    } catch (err) {
      // Where the connection is gone this fails as well, and says nothing new.
      await tell('ROLLBACK').catch(() => {});
      throw err;
    }
    await tell('COMMIT').catch((err: unknown) => {
      throw new CommitError(err);
    });
    return result;
  });
}
