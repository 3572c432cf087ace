import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { onlineIndexes } from '../../src/db/finishing/indexes.ts';
import { schemaVersion } from '../../src/db/migrator.ts';
import type { Database } from '../../src/db/schema.ts';
import { migrateUp } from '../../src/ledger/migrate-up.ts';
import { outdatedSchema } from '../../src/sweeper/schedule/schema-gate.ts';

import { waitFor } from '../support/wait-for.ts';
import { useOldLedger } from './use-old-ledger.ts';

// Indexes that are built while agents work.
const database = useOldLedger({ empty: true });

const names = onlineIndexes.map(({ name }) => name).sort();

const built = async (condition: string) => {
  const rows = await database.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE c.relnamespace = 'old'::regnamespace AND c.relname = ANY($1) AND ${condition} ORDER BY c.relname COLLATE "C"`,
    [names],
  );
  return rows.map(({ name }) => name);
};

const oidOf = (index: string) => database.query(`SELECT 'old.${index}'::regclass::oid AS oid`);

const waitingBuilds = (condition = 'true') =>
  database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
       AND query LIKE '%CREATE INDEX CONCURRENTLY%' AND pid <> pg_backend_pid() AND ${condition}`,
  );

describe('the indexes of a migration', () => {
  test('are valid when it is through', async () => {
    await migrateUp(database.db, 'old');
    expect(await built('i.indisvalid')).toEqual(names);
    expect(await database.query(`SELECT to_regclass('old.delegations_heartbeat_bucket') AS replaced`)).toEqual([
      { replaced: null },
    ]);
  });

  test('are built again when a build was interrupted, and only then', async () => {
    await migrateUp(database.db, 'old');
    const whole = await oidOf('delegations_suspect');
    await database.query('DROP INDEX old.activity_logs_late_result');
    const writer = await database.connect();
    await writer.query('BEGIN');
    await writer.query(
      `INSERT INTO old.activity_logs (delegation_id, event, actor) VALUES ('x', 'delegation.late_result', 'x')`,
    );
    const interrupted = migrateUp(database.db, 'old');
    interrupted.catch(() => undefined);
    await waitFor('the build to wait for the writer', async () => (await waitingBuilds()).length > 0);
    const [build] = await waitingBuilds();
    await database.query('SELECT pg_cancel_backend($1)', [build!.pid]);
    await expect(interrupted).rejects.toMatchObject({ code: '57014' });
    await writer.query('COMMIT');
    await writer.end();
    expect(await built('NOT i.indisvalid')).toEqual(['activity_logs_late_result']);

    await migrateUp(database.db, 'old');
    expect(await built('i.indisvalid')).toEqual(names);
    expect(await oidOf('delegations_suspect')).toEqual(whole);
  });

  test('are awaited by a daemon: what the functions need is there before it sweeps', async () => {
    const reader = await database.connect();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await reader.query('SELECT count(*) FROM pg_class');
    const migrating = migrateUp(database.db, 'old');
    await waitFor('a build to wait for the snapshot', async () => (await waitingBuilds()).length > 0);
    const { current, pending } = await schemaVersion(database.db, 'old');
    expect(pending).toEqual([]);
    expect(await outdatedSchema(database.db, 'old', 'pgboss')).toEqual({
      component: 'ledger',
      found: expect.stringMatching(`^${current} without delegation_insert, .*delegation_retry`),
      required: `${current} with its functions`,
      remedy: expect.stringContaining('migrate up'),
    });
    await reader.query('COMMIT');
    await migrating;
    await reader.end();
    expect(await outdatedSchema(database.db, 'old', 'pgboss')).toBeNull();
  });

  test('are built once by several that migrate at once', async () => {
    await Promise.all(Array.from({ length: 3 }, () => migrateUp(database.db, 'old')));
    expect(await built('i.indisvalid')).toEqual(names);
  });

  test('are built however short the time limits of the database are', async () => {
    await database.query(`ALTER DATABASE ${database.name} SET statement_timeout = '200ms'`);
    const writer = await database.connect();
    const other = new Kysely<Database>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 1 }) }),
    });
    await migrateUp(other, 'old');
    await database.query('DROP INDEX old.activity_logs_late_result');
    await writer.query('BEGIN');
    await writer.query(
      `INSERT INTO old.activity_logs (delegation_id, event, actor) VALUES ('x', 'delegation.late_result', 'x')`,
    );
    const migrating = migrateUp(other, 'old');
    const longerThanTheLimit = `query_start < clock_timestamp() - interval '400 milliseconds'`;
    await waitFor('a build that outlasts the limit', async () => (await waitingBuilds(longerThanTheLimit)).length > 0);
    await writer.query('COMMIT');
    await migrating;
    expect(await built('i.indisvalid')).toEqual(names);
    expect((await sql`SHOW statement_timeout`.execute(other)).rows).toEqual([{ statement_timeout: '200ms' }]);
    await Promise.all([writer.end(), other.destroy()]);
  });
});
