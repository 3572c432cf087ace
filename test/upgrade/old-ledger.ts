import { readFileSync } from 'node:fs';
import type { TestDatabase } from '../support/database.ts';

const dump = readFileSync(new URL('0.1.0/ledger.sql', import.meta.url), 'utf8');

const EMPTIED = `
TRUNCATE old.delegations, old.activity_logs, old.sweeper_gaps, old.sweeper_sweeps, old.sweeper_notices RESTART IDENTITY;
UPDATE old.sweeper_state SET stuck_after_ms = NULL, beat_at = NULL, sweep_id = NULL, swept_at = NULL`;

/** A ledger as version 0.1.0 left it, in the schema `old`. `empty`: as version 0.1.0 installed it. */
export async function restoreOldLedger(
  database: Pick<TestDatabase, 'connect'>,
  { empty = false }: { empty?: boolean } = {},
): Promise<void> {
  // A separate session: the dump sets its search path and its limits.
  const session = await database.connect();
  await session.query(dump);
  if (empty) await session.query(EMPTIED);
  await session.end();
}
