import { sql } from 'kysely';
import type { LedgerDb } from '../db/schema.ts';

/**
 * Runs work whose failure must not be the caller's. In the caller's transaction a failed statement would abort all of
 * it, so there the work stands behind a savepoint. Rethrows after the savepoint was restored.
 */
export async function bestEffort<Result>(db: LedgerDb, work: () => Promise<Result>): Promise<Result> {
  if (!db.isTransaction) return work();
  await sql`SAVEPOINT delegation_ledger`.execute(db);
  try {
    const result = await work();
    await sql`RELEASE SAVEPOINT delegation_ledger`.execute(db);
    return result;
  } catch (err) {
    await sql`ROLLBACK TO SAVEPOINT delegation_ledger`.execute(db);
    await sql`RELEASE SAVEPOINT delegation_ledger`.execute(db);
    throw err;
  }
}
