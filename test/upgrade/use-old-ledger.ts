import { beforeEach } from '@jest/globals';
import { useDatabase } from '../support/use-database.ts';
import { restoreOldLedger } from './old-ledger.ts';

/** A database with a ledger of 0.1.0 in the schema `old`, for each test. `empty`: as version 0.1.0 installed it. */
export function useOldLedger(options: { readonly empty?: boolean } = {}): ReturnType<typeof useDatabase> {
  const database = useDatabase({ per: 'test', replayed: false });
  beforeEach(() => restoreOldLedger(database, options));
  return database;
}
