import type { Bench } from './bench.ts';
import { loadInBulk } from './bulk-load.ts';
import type { LedgerDatabase } from './ledger-database.ts';

/** A fleet in progress: its size, and the silence of its rows, spread evenly over a span. */
export interface Fleet {
  readonly rows: number;
  readonly silentFromSeconds: number;
  readonly silentToSeconds: number;
  /** Prefix of the ids, so that a second fleet can be added. */
  readonly prefix?: string;
  /** One row in so many has a threshold of its own, half an hour, and another one waits for a week. */
  readonly specialEach?: number;
}

/** Bytes of a task's preview: a sentence or two. */
const PREVIEW_BYTES = 160;

/**
 * Ids sort by age, as UUIDv7 does, and rows are stored in that order: the fleet's rows are side by side, which is the hard
 * case for HOT, since every version competes with its neighbours' for the space on a page.
 */
const idOf = (prefix: string) => `'${prefix}-' || lpad(i::text, 11, '0') || '-7f1e-8d2a-0242ac12'`;

/** Revision 1: a writer that records its activity itself. Rows alone would have it added at commit, each of them. */
export async function insertFleet(database: Pick<LedgerDatabase, 'query'>, fleet: Fleet): Promise<void> {
  const { rows, silentFromSeconds, silentToSeconds, prefix = 'live', specialEach = rows + 2 } = fleet;
  await database.query(
    `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, deadline, revision,
       stuck_after_ms, waiting_since, waiting_until, waiting_reason)
     SELECT ${idOf(prefix)}, 'caller-' || i % 100, 'callee-' || i % 1000, repeat('x', ${PREVIEW_BYTES}), 'in_progress',
       t - ($2::float8 + (i - 1) * ($3::float8 - $2::float8) / $1::int) * interval '1 second', t + interval '4 hours', 1,
       CASE i % $4::int WHEN $4::int - 1 THEN 1800000 END,
       CASE i % $4::int WHEN 0 THEN t END, CASE i % $4::int WHEN 0 THEN t + interval '7 days' END,
       CASE i % $4::int WHEN 0 THEN 'a person' END
     FROM generate_series(1, $1::int) i, LATERAL (SELECT clock_timestamp() AS t) at`,
    [rows, silentFromSeconds, silentToSeconds, specialEach],
  );
}

/** A ledger whose whole fleet was heard just now. */
export async function fleetOf({ template }: Bench, rows: number): Promise<LedgerDatabase> {
  const database = await template.copy();
  await insertFleet(database, { rows, silentFromSeconds: 0, silentToSeconds: 0 });
  await settle(database);
  return database;
}

/** Finished delegations, which are most of a ledger. */
export async function insertFinished(database: LedgerDatabase, rows: number): Promise<void> {
  const half = Math.ceil(rows / 2);
  const sql = `
    INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, deadline,
      finished_at, result_preview, created_at, updated_at, revision)
    SELECT ${idOf('done')}, 'caller-' || i % 100, 'callee-' || i % 1000, repeat('x', ${PREVIEW_BYTES}), 'completed',
      t, t + interval '6 hours', t, 'done', t, t, 1
    FROM generate_series($1::int, $2::int) i, LATERAL (SELECT clock_timestamp() - interval '1 day' AS t) at`;
  // Two sessions, two cores.
  await loadInBulk(database, 'delegations', [
    { sql, parameters: [1, half] },
    { sql, parameters: [half + 1, rows] },
  ]);
}

export async function settle(database: LedgerDatabase): Promise<void> {
  await database.query('VACUUM (ANALYZE) delegations');
}

const SEED_COLUMNS =
  'delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, deadline, revision, stalled_after_ms, stalled_from';

/** Saves the fleet's rows, so that every turn can begin from them. */
export async function keepSeed(database: LedgerDatabase): Promise<void> {
  await database.query(`CREATE UNLOGGED TABLE seed AS SELECT ${SEED_COLUMNS} FROM delegations`);
}

/** One row in three is past its deadline instead of silent, and one heartbeats without progress. */
export async function spreadOverRules(database: LedgerDatabase): Promise<void> {
  await database.query(`
    UPDATE seed SET deadline = clock_timestamp() - interval '1 minute', last_heartbeat = clock_timestamp()
    WHERE hashtext(delegation_id) % 3 = 0`);
  await database.query(`
    UPDATE seed SET stalled_after_ms = 600000, stalled_from = last_heartbeat, last_heartbeat = clock_timestamp()
    WHERE abs(hashtext(delegation_id) % 3) = 1`);
}

export async function reseed(database: LedgerDatabase): Promise<void> {
  await database.query('TRUNCATE delegations, activity_logs CASCADE');
  await database.query(`INSERT INTO delegations (${SEED_COLUMNS}) SELECT * FROM seed`);
  await settle(database);
}
