import { openDatabase } from '../../src/db/database.ts';
import { DelegationLedger } from '../../src/index.ts';
import { createLogger } from '../../src/log/logger.ts';

export interface MemberDatabaseOptions {
  readonly url: string;
  /** Connections at most. */
  readonly max: number;
  readonly stuckAfterMs: number;
}

/** The database of one process of the fleet, and its ledger, which logs nothing. */
export function openMemberDatabase({ url, max, stuckAfterMs }: MemberDatabaseOptions) {
  const { db } = openDatabase({
    location: { url },
    max,
    applicationName: 'chaos-agent',
    queryTimeoutMs: stuckAfterMs / 2,
    schema: 'public',
  });
  return { db, ledger: new DelegationLedger(db, { logger: createLogger({ level: 'silent' }) }) };
}
