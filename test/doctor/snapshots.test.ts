import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { judgeSnapshots } from '../../src/doctor/checks/snapshots.ts';
import { startEmbedded } from '../../src/embedded/embedded-postgres.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeTemplate } from '../support/own-server.ts';
import { makeDatabaseDir } from '../support/temporary-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { findingsOf, sqlOf } from './doctor-on.ts';

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

test('a session with an old snapshot is found, until it is ended as the finding says', async () => {
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

test('a prepared transaction that was left behind is found, until it is rolled back as the finding says', async () => {
  const holder = await database.connect();
  await holder.query('BEGIN');
  await holder.query(`SELECT txid_current()`);
  await holder.query(`PREPARE TRANSACTION 'left behind'`);
  await holder.end();
  const findings = await found();
  expect(findings).toMatchObject([
    { severity: 'problem', what: 'The prepared transaction left behind is still there' },
  ]);
  await database.query(sqlOf(findings[0]!)[1]!);
  expect(await found()).toEqual([]);
});

test('a replication slot that holds vacuum back is found, until it is dropped as the finding says', async () => {
  await database.query(`SELECT pg_create_logical_replication_slot('abandoned', 'test_decoding')`);
  expect(await found()).toEqual([]);
  await transactions(10);
  const findings = await found();
  expect(findings).toMatchObject([{ severity: 'problem', what: 'The replication slot abandoned holds vacuum up' }]);
  for (const sql of sqlOf(findings[0]!)) await database.query(sql);
  expect(await found()).toEqual([]);
});

test('a standby whose query holds vacuum back is found', () => {
  const standby = (xidAge: number) => ({
    sessions: [],
    holders: [{ kind: 'standby' as const, name: 'replica', xidAge, ageMs: null }],
  });
  const limits = { options: {} };
  expect(judgeSnapshots(standby(1_000_000), limits)).toEqual([]);
  expect(judgeSnapshots(standby(1_000_001), limits)).toMatchObject([{ fault: 'standby' }]);
});
