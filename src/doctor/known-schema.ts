import { schemaVersion } from '../db/migrator.ts';
import { NotRun } from './check.ts';
import type { Subject } from './subject.ts';

/** @throws NotRun where the ledger's objects are not those of this release, or the database's error. */
export async function requireKnownSchema({ db, options }: Subject): Promise<void> {
  const { pending, unknown, applied } = await schemaVersion(db, options.dbSchema);
  if (applied.length === 0) throw new NotRun(`there is no ledger in the schema ${options.dbSchema}`);
  if (pending.length > 0) throw new NotRun('migrations are pending, which change what is compared here');
  if (unknown.length > 0) throw new NotRun('the ledger is newer than this program, which does not know its objects');
}
