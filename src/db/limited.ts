import { CompiledQuery } from 'kysely';
import { hasNodes } from './node/nodes.ts';
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
 * SQL: Citus also sets these on the ledger's node, by sending the text of the message that a SET was in. From inside a block that text
 * is the SET alone. Otherwise it is the whole message with its BEGIN, once for each SET, and the node warns of the BEGIN.
 */
const toNode = (settings: string) => `SET LOCAL citus.propagate_set_commands = local; DO $$ BEGIN ${settings}; END $$`;

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
    const limits = `SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)}; SET LOCAL lock_timeout = ${lockTimeoutMs};
      SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MAX_MS}`;
    // One message, and only for this transaction, so that PgBouncer in transaction mode can reuse the session unchanged.
    await tell(`BEGIN ISOLATION LEVEL READ COMMITTED; ${hasNodes(db) ? toNode(limits) : limits}`).catch(
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
