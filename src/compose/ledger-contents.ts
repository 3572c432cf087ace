import { openDatabase } from '../db/database.ts';
import type { LedgerDb } from '../db/schema.ts';
import { BEATS_MISSED_MAX, beatIntervalMs } from '../sweeper/horizon.ts';
import { type SweeperTables, sweeperTables } from '../sweeper/tables.ts';
import { connectionOf, type InstallOptions } from './install.ts';
import { lastBeatStatement } from './statements/last-beat.ts';
import { rowCountStatement } from './statements/row-count.ts';
import { tableExistsStatement } from './statements/table-exists.ts';

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

/** A table that does not exist yet counts as empty. @throws the database's error. */
export async function ledgerContents(options: InstallOptions): Promise<LedgerContents> {
  await using handle = openDatabase({ ...connectionOf(options), schema: options.dbSchema });
  const { db } = handle;
  const tables = sweeperTables(db);
  const { ageMs, stuckAfterMs } = await lastBeat(db, tables);
  return {
    delegations: await count(db, tables, 'delegations'),
    activities: await count(db, tables, 'activityLogs'),
    beatAgeMs: ageMs,
    aliveWithinMs: BEATS_MISSED_MAX * beatIntervalMs(stuckAfterMs ?? Number.POSITIVE_INFINITY),
  };
}

async function count(db: LedgerDb, tables: SweeperTables, table: 'delegations' | 'activityLogs'): Promise<number> {
  if (!(await exists(db, tables[table]))) return 0;
  return (await rowCountStatement(tables, table).run(db, {}))[0]!.count;
}

async function lastBeat(db: LedgerDb, tables: SweeperTables) {
  const never = { ageMs: null, stuckAfterMs: null };
  if (!(await exists(db, tables.sweeperState))) return never;
  return (await lastBeatStatement(tables).run(db, {}))[0] ?? never;
}

async function exists(db: LedgerDb, table: string): Promise<boolean> {
  return (await tableExistsStatement().run(db, { table }))[0]!.exists;
}
