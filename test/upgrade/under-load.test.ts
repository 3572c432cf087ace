import { describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { schemaVersion } from '../../src/db/migrator.ts';
import { migrateUp } from '../../src/ledger/migrate-up.ts';
import { newestMigration } from '../support/migration-names.ts';
import { waitFor } from '../support/wait-for.ts';
import { OldLoad } from './load.ts';
import { useOldLedger } from './use-old-ledger.ts';

// A ledger of 0.1.0 that is brought up to date while programs of 0.1.0 work on it.
const database = useOldLedger();

/** What reads a table and stays in its transaction: a report, a dump. */
async function reader(): Promise<pg.Client> {
  const session = await database.connect();
  await session.query('BEGIN');
  await session.query('SELECT count(*) FROM old.delegations, old.sweeper_state, old.sweeper_gaps');
  return session;
}

const migrationWaits = async (statement: string): Promise<number[]> => {
  const rows = await database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
       AND query ILIKE $1 AND pid <> pg_backend_pid()`,
    [`%${statement}%`],
  );
  return rows.map(({ pid }) => pid);
};

describe('migrate up', () => {
  test('makes no heartbeat, life or sweep fail or wait a second, though a long transaction holds the tables', async () => {
    const load = new OldLoad(database.url, ['in-progress', 'silent']);
    const report = await reader();
    const migrating = migrateUp(database.db, 'old');
    // It waits, gives up, and tries again.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await waitFor('the migration to wait', async () => (await migrationWaits('ALTER TABLE')).length > 0);
      await waitFor('the migration to step back', async () => (await migrationWaits('ALTER TABLE')).length === 0);
    }
    await report.query('COMMIT');
    await report.end();
    await migrating;
    const after = load.rounds;
    await waitFor('each program to go on', () => load.rounds > after + 1);
    const worked = await load.stop();
    expect(worked.flatMap(({ failures }) => failures)).toEqual([]);
    expect(await schemaVersion(database.db, 'old')).toMatchObject({ current: newestMigration, pending: [] });
  });

  test('lets them work, too, while an index is built, and that waits for an old snapshot', async () => {
    const report = await database.connect();
    await report.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    // It locks none of the ledger's tables.
    await report.query('SELECT FROM pg_am');
    const migrating = migrateUp(database.db, 'old');
    const building = async () => (await migrationWaits('INDEX CONCURRENTLY')).length > 0;
    await waitFor('the building to wait', building);
    const load = new OldLoad(database.url, ['in-progress', 'silent']);
    await waitFor('each program to work beside it', () => load.rounds > 3);
    expect(await building()).toBe(true);
    await report.query('COMMIT');
    await report.end();
    await migrating;
    expect((await load.stop()).flatMap(({ failures }) => failures)).toEqual([]);
  });

  test('the naive form, which waits for its lock, makes heartbeats wait with it', async () => {
    const report = await reader();
    const naive = database.query('ALTER TABLE old.delegations ADD COLUMN naive text');
    await waitFor('the statement to wait', async () => (await migrationWaits('ALTER TABLE')).length > 0);
    const load = new OldLoad(database.url, ['in-progress', 'silent']);
    await waitFor('each program to have tried', () => load.rounds > 0);
    const worked = await load.stop();
    for (const { failures } of worked) expect(failures.join()).toContain('lock timeout');
    await report.query('COMMIT');
    await report.end();
    await naive;
  });

  test('gives up at its time limit, says why, and the next one continues where it ended', async () => {
    const report = await reader();
    await expect(migrateUp(database.db, 'old', { giveUpAfterMs: 1 })).rejects.toMatchObject({
      name: 'MigrationBlockedError',
      code: '55P03',
      message: expect.stringContaining('end their transactions'),
    });
    expect((await schemaVersion(database.db, 'old')).pending).toContain(newestMigration);
    await report.query('COMMIT');
    await report.end();
    await migrateUp(database.db, 'old');
    expect((await schemaVersion(database.db, 'old')).pending).toEqual([]);
  });
});
