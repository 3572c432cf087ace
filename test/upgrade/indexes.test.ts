import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { migrateUp } from '../../src/db/migrator.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';
import { OldLoad } from './load.ts';
import { restoreOldLedger } from './old-ledger.ts';

// The indexes that `migrate up` builds beside the agents, after its migrations.
let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  await restoreOldLedger(database);
});
afterEach(async () => {
  await database[Symbol.asyncDispose]();
});

async function indexes(): Promise<{ valid: string[]; invalid: string[] }> {
  const rows = await database.query<{ name: string; valid: boolean }>(
    `SELECT relname AS name, indisvalid AS valid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     WHERE indrelid = 'old.delegations'::regclass`,
  );
  const named = (wanted: boolean) => rows.filter(({ valid }) => valid === wanted).map(({ name }) => name);
  return { valid: named(true), invalid: named(false) };
}

/** An old snapshot: no table is locked by it, but the building of an index waits for its end. */
async function oldSnapshot(): Promise<{ end(): Promise<void> }> {
  const session = await database.connect();
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await session.query('SELECT FROM pg_am');
  return {
    async end() {
      await session.query('COMMIT');
      await session.end();
    },
  };
}

const building = async (): Promise<number | undefined> => {
  const [row] = await database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
       AND query ILIKE '%INDEX CONCURRENTLY%' AND pid <> pg_backend_pid()`,
  );
  return row?.pid;
};

const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'went through',
    (err: Error) => err.message,
  );

describe('an index that is built after the migrations', () => {
  test('waits for an old snapshot without making any agent wait', async () => {
    const snapshot = await oldSnapshot();
    const migrating = migrateUp(database.db, 'old');
    await waitFor('the building to wait', building);
    const load = new OldLoad(database.url, ['in-progress', 'silent']);
    await waitFor('each program to work beside it', () => load.rounds > 3);
    expect(await building()).toBeDefined();
    await snapshot.end();
    await migrating;
    expect((await load.stop()).flatMap(({ failures }) => failures)).toEqual([]);
    expect((await indexes()).invalid).toEqual([]);
  });

  test('and whose building was interrupted is found invalid, and built again by the next `migrate up`', async () => {
    const snapshot = await oldSnapshot();
    const migrating = outcome(migrateUp(database.db, 'old'));
    const pid = await waitFor('the building to wait', building);
    await database.query('SELECT pg_terminate_backend($1)', [pid]);
    expect(await migrating).toMatch(/terminat/);
    expect((await indexes()).invalid).toHaveLength(1);
    expect((await indexes()).valid).toContain('delegations_heartbeat_bucket');
    await snapshot.end();
    expect(await migrateUp(database.db, 'old')).toEqual([]);
    const { valid, invalid } = await indexes();
    expect(invalid).toEqual([]);
    expect(valid).toEqual(expect.arrayContaining(['delegations_suspect', 'delegations_heartbeat_plain']));
    expect(valid).not.toContain('delegations_heartbeat_bucket');
  });

  test('is built once by two `migrate up` at the same time', async () => {
    const outcomes = await Promise.all([
      outcome(migrateUp(database.db, 'old')),
      outcome(migrateUp(database.db, 'old')),
    ]);
    expect(outcomes).toEqual(['went through', 'went through']);
    expect((await indexes()).invalid).toEqual([]);
  });
});
