import type { LedgerDatabase } from './ledger-database.ts';

export interface UpdateCounts {
  readonly updates: number;
  readonly hot: number;
}

/** What pg_stat_user_tables has counted for a table, this session's own last work included. */
export async function updatesOf(database: LedgerDatabase, table: string): Promise<UpdateCounts> {
  // A session reports when it is idle, at most once a second; closing it reports at once.
  await database.query('SELECT pg_stat_force_next_flush()');
  const [row] = await database.query<UpdateCounts>(
    'SELECT n_tup_upd::float8 AS updates, n_tup_hot_upd::float8 AS hot FROM pg_stat_user_tables WHERE relname = $1',
    [table],
  );
  return row!;
}

/** Where the write-ahead log ends, in bytes. */
export async function walBytes(database: LedgerDatabase): Promise<number> {
  const [row] = await database.query<{ bytes: number }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes`,
  );
  return row!.bytes;
}
