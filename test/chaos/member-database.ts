import { openDatabase } from '../../src/db/database.ts';
import { databaseOn } from '../../src/db/pool.ts';
import { createLedgerPool, DelegationLedger } from '../../src/index.ts';
import { createLogger } from '../../src/log/logger.ts';

export interface MemberDatabaseOptions {
  readonly url: string;
  /** Connections at most. */
  readonly max: number;
  readonly stuckAfterMs: number;
}

/**
 * The database of one process of the fleet, and its ledger, which logs nothing. Of a URL alone: with the library's own
 * defaults, on the pool that `openLedger` makes.
 */
export function openMemberDatabase(options: MemberDatabaseOptions | string) {
  const db = typeof options === 'string' ? databaseOn(createLedgerPool(options), 'public') : opened(options);
  return { db, ledger: new DelegationLedger(db, { logger: createLogger({ level: 'silent' }) }) };
}

function opened({ url, max, stuckAfterMs }: MemberDatabaseOptions) {
  const { db } = openDatabase({
    location: { url },
    max,
    applicationName: 'chaos-agent',
    queryTimeoutMs: stuckAfterMs / 2,
    schema: 'public',
  });
  return db;
}
