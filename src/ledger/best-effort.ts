import { CompiledQuery } from 'kysely';
import type { LedgerDb } from '../db/schema.ts';
import type { QueryRunner } from '../db/statement.ts';

/**
 * Runs work whose failure must not affect the caller, and rethrows its error. In the caller's transaction a failed statement
 * would abort the whole transaction, so the work runs within a savepoint. The connection is held until the savepoint is
 * released: statements of other calls in between would be undone with it, and their own savepoints would be released
 * with it. The work must use the runner that it is given.
 */
export async function bestEffort<Result>(
  db: LedgerDb,
  work: (runner: QueryRunner) => Promise<Result>,
): Promise<Result> {
  if (!db.isTransaction) return work(db);
  return db.getExecutor().provideConnection(async (connection) => {
    const run = (sql: string) => connection.executeQuery(CompiledQuery.raw(sql));
    await run('SAVEPOINT delegation_ledger');
    try {
      const result = await work(connection);
      await run('RELEASE SAVEPOINT delegation_ledger');
      return result;
    } catch (err) {
      await run('ROLLBACK TO SAVEPOINT delegation_ledger');
      await run('RELEASE SAVEPOINT delegation_ledger');
      throw err;
    }
  });
}
