import { CompiledQuery } from 'kysely';
import type { LedgerDb } from '../db/schema.ts';
import type { QueryRunner } from '../db/statement.ts';

/**
 * Runs work whose failure must not affect the caller. In the caller's transaction a failed statement would abort all of
 * it, so the work runs within a savepoint, and alone on the connection until the savepoint is released: of two such calls
 * at once the one that fails would undo the other's work, and releasing the savepoint would release those that the
 * caller made meanwhile. The work must use the runner that it is given. Rethrows after the savepoint was restored.
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
