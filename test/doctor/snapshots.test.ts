import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { check } from '../../src/doctor/check.ts';
import { judgeSnapshots } from '../../src/doctor/checks/snapshots.ts';
import { startEmbedded } from '../../src/embedded/embedded-postgres.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeTemplate } from '../support/own-server.ts';
import { makeDatabaseDir } from '../support/temporary-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { checkNamed, examineOn, findingsOf, sqlOf } from './doctor-on.ts';

const undo = new AsyncDisposableStack();
let database: TestDatabase;
beforeAll(async () => {
  const dataDir = await makeDatabaseDir();
  undo.defer(() => rm(dataDir, { recursive: true, force: true }));
  const settings = { wal_level: 'logical', max_prepared_transactions: '5' };
  const { url } = undo.use(await startEmbedded({ dataDir, durable: false, settings }));
  database = undo.use(await createTestDatabase(await makeTemplate(url, undo)));
});
afterAll(() => undo.disposeAsync());

/** Of the check, where this age, and so many transactions, are too many. */
const found = () => findingsOf(database, 'snapshots', { snapshotAgeMs: 1, heldTransactionsMax: 5 });
const transactions = async (count: number) => {
  for (let i = 0; i < count; i += 1) await database.query('SELECT txid_current()');
};

test('an idle session with an old snapshot is found, until it is ended as the finding says', async () => {
  expect(await found()).toEqual([]);
  const holder = await database.connect();
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await holder.query('SELECT 1');
  expect(await findingsOf(database, 'snapshots')).toEqual([]);
  const findings = await found();
  expect(findings).toMatchObject([{ severity: 'problem', what: expect.stringContaining('has had a snapshot for') }]);
  for (const sql of sqlOf(findings[0]!)) await database.query(sql);
  await waitFor('the session to be gone', async () => (await found()).length === 0);
});

test('a session that works is advice that names its program, and does not end it', async () => {
  const worker = await database.connect();
  await worker.query(`SET application_name = 'pg_dump'; BEGIN ISOLATION LEVEL REPEATABLE READ`);
  const work = worker.query('SELECT pg_sleep(600)').catch((err: Error) => err);
  await waitFor('the session to work', async () => (await found())[0]?.severity === 'advice');
  const findings = await found();
  expect(findings).toMatchObject([{ what: expect.stringMatching(/^pg_dump has had a snapshot for .*, as postgres$/) }]);
  expect(findings[0]!.remedy).toMatch(/^See what pg_dump does/);
  expect(sqlOf(findings[0]!)).toEqual([]);
  await database.query(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'pg_dump'`);
  expect(await work).toMatchObject({ code: '57014' });
  await worker.end();
  await waitFor('the session to be gone', async () => (await found()).length === 0);
});

test('an index that is being built is not found, while it waits for a transaction', async () => {
  const holder = await database.connect();
  await holder.query('BEGIN; LOCK TABLE delegations IN ROW EXCLUSIVE MODE');
  const builder = await database.connect();
  const built = builder.query('CREATE INDEX CONCURRENTLY mine ON delegations (callee_id)');
  await waitFor('the building', async () => {
    const rows = await database.query('SELECT FROM pg_stat_progress_create_index WHERE lockers_total > 0');
    return rows.length > 0;
  });
  expect(await found()).toEqual([]);
  await holder.query('COMMIT');
  await built;
  await database.query('DROP INDEX mine');
});

test('a prepared transaction that was left behind is found, until it is rolled back as the finding says', async () => {
  const holder = await database.connect();
  await holder.query('BEGIN');
  await holder.query(`SELECT txid_current()`);
  await holder.query(`PREPARE TRANSACTION 'it''s left behind'`);
  await holder.end();
  const findings = await found();
  expect(findings).toMatchObject([
    { severity: 'problem', what: "The prepared transaction it's left behind is still there" },
  ]);
  await database.query(sqlOf(findings[0]!)[1]!);
  expect(await found()).toEqual([]);
});

test('a slot of logical replication holds back the system catalogue alone, which is a note and nothing to drop', async () => {
  await database.query(`SELECT pg_create_logical_replication_slot('captured', 'test_decoding')`);
  await transactions(10);
  const { findings, checks } = await examineOn(database, { heldTransactionsMax: 5 }, [checkNamed('snapshots')]);
  expect(findings).toEqual([]);
  expect(checks[0]!.notes).toEqual([
    expect.stringMatching(/^the replication slot captured holds back \d+ .*catalogue/),
  ]);
  await database.query(`SELECT pg_drop_replication_slot('captured')`);
});

const reading = { role: 'sweeper', seesSessions: true, sessions: [], holders: [] };

test('a replication slot that holds the tables back is found, with the command that drops it', async () => {
  const slot = (xidAge: number | null) => ({
    ...reading,
    holders: [{ kind: 'replication slot' as const, name: 'standby_1', xidAge, catalogXidAge: 2_000_000, ageMs: null }],
  });
  const limits = { options: {} };
  expect(judgeSnapshots(slot(null), limits)).toEqual([{ note: expect.any(String) }]);
  expect(judgeSnapshots(slot(1_000_000), limits)).toEqual([{ note: expect.any(String) }]);
  const seen = judgeSnapshots(slot(1_000_001), limits);
  expect(seen).toMatchObject([{ fault: 'slot', names: { slot: 'standby_1' } }]);
  const { findings } = await examineOn(database, {}, [
    check({ ...checkNamed('snapshots'), read: () => Promise.resolve(null), judge: () => seen }),
  ]);
  await database.query(`SELECT pg_create_physical_replication_slot('standby_1')`);
  for (const sql of sqlOf(findings[0]!)) await database.query(sql);
  expect(await database.query('SELECT FROM pg_replication_slots')).toEqual([]);
});

test('a standby whose query holds vacuum back is found', () => {
  const standby = (xidAge: number) => ({
    ...reading,
    holders: [{ kind: 'standby' as const, name: 'replica', xidAge, catalogXidAge: null, ageMs: null }],
  });
  const limits = { options: {} };
  expect(judgeSnapshots(standby(1_000_000), limits)).toEqual([]);
  expect(judgeSnapshots(standby(1_000_001), limits)).toMatchObject([{ fault: 'standby' }]);
});
