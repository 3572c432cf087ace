import { openDatabase } from '../db/database.ts';
import { Statement, wholeNumber } from '../db/positional-statement.ts';
import { type LedgerDb, type TableName, tableReference } from '../db/schema.ts';
import { BEATS_MISSED_MAX, beatIntervalMs } from '../sweeper/observed-time/horizon.ts';
import { connectionOf, type InstallOptions } from './install.ts';

/** Rows that are counted at most: the answer is needed at once, however large the ledger is. */
export const COUNT_MAX = 100_000;

/** What would be lost when the ledger's schema is removed. */
export interface LedgerContents {
  /** Counted to COUNT_MAX at most, as are the activities. */
  readonly delegations: number;
  readonly activities: number;
  /** Since the last beat of any daemon; null when there was none. */
  readonly beatAgeMs: number | null;
  /** A beat younger than this shows that a daemon runs. */
  readonly aliveWithinMs: number;
}

interface Beat {
  readonly ageMs: number | null;
  readonly stuckAfterMs: number | null;
}

/** A table that does not exist yet counts as empty. @throws the database's error. */
export async function ledgerContents(options: InstallOptions): Promise<LedgerContents> {
  await using handle = openDatabase({ ...connectionOf(options), schema: options.dbSchema });
  const { db } = handle;
  const { ageMs, stuckAfterMs } = await lastBeat(db);
  return {
    delegations: await count(db, 'delegations'),
    activities: await count(db, 'activity_logs'),
    beatAgeMs: ageMs,
    aliveWithinMs: BEATS_MISSED_MAX * beatIntervalMs(stuckAfterMs ?? Number.POSITIVE_INFINITY),
  };
}

async function count(db: LedgerDb, table: TableName): Promise<number> {
  if (!(await exists(db, table))) return 0;
  const bounded = `SELECT FROM ${tableReference(db, table)} LIMIT ${COUNT_MAX}`;
  const counted = new Statement<{ n: number }>(`SELECT ${wholeNumber('count(*)')} AS "n" FROM (${bounded}) rows`);
  return (await counted.run(db, []))[0]!.n;
}

async function lastBeat(db: LedgerDb): Promise<Beat> {
  if (!(await exists(db, 'sweeper_state'))) return { ageMs: null, stuckAfterMs: null };
  const age = 'greatest(0, extract(epoch FROM clock_timestamp() - beat_at) * 1000)';
  const statement = new Statement<Beat>(`
SELECT CASE WHEN beat_at IS NOT NULL THEN ${wholeNumber(age)} END AS "ageMs",
  ${wholeNumber('stuck_after_ms')} AS "stuckAfterMs"
FROM ${tableReference(db, 'sweeper_state')}`);
  return (await statement.run(db, []))[0] ?? { ageMs: null, stuckAfterMs: null };
}

async function exists(db: LedgerDb, table: TableName): Promise<boolean> {
  const statement = new Statement<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS "there"');
  return (await statement.run(db, [tableReference(db, table)]))[0]!.there;
}
