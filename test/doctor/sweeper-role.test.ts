import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { CheckResult } from '../../src/doctor/finding.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type ServerWithTemplate, startOwnServer } from '../support/own-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { checkNamed, examineOn, findingsOf } from './doctor-on.ts';
import { applyRoles, roleOf } from './expected-files.ts';

// PostgreSQL hides most of other roles' sessions from the role that the daemon has, and the doctor in its pod.
// On a server of its own: roles belong to the whole server.
const undo = new AsyncDisposableStack();
let server: ServerWithTemplate;
let database: TestDatabase;
beforeAll(async () => {
  server = await startOwnServer(undo);
});
beforeEach(async () => {
  await database?.[Symbol.asyncDispose]();
  database = await createTestDatabase(server);
  await applyRoles(database.url);
});
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  await undo.disposeAsync();
});

const sweeper = () => {
  const url = new URL(database.url);
  url.username = roleOf('sweeper');
  return { url: url.href };
};

async function resultOf(check: string, asked: { url: string }): Promise<CheckResult> {
  const { checks } = await examineOn(asked, { snapshotAgeMs: 1 }, [checkNamed(check)]);
  return checks[0]!;
}

const grant = 'GRANT pg_read_all_stats TO delegation_sweeper_sweeper';

test('connections of other roles are counted', async () => {
  for (let n = 0; n < 10; n += 1) await (await database.connect()).query('SELECT 1');
  const { notes } = await resultOf('connections', sweeper());
  const [, used] = /^(\d+) of \d+ connections are in use/.exec(notes[0]!)!;
  expect(Number(used)).toBeGreaterThanOrEqual(11);
});

test('old snapshots of other roles could not be checked, until the right is granted', async () => {
  const holder = await database.connect();
  await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  await holder.query('SELECT 1');
  expect(await resultOf('snapshots', sweeper())).toMatchObject({
    outcome: 'not_run',
    reason: expect.stringContaining(grant),
  });
  await database.query(grant);
  expect(await findingsOf(sweeper(), 'snapshots', { snapshotAgeMs: 1 })).toMatchObject([
    { severity: 'problem', what: expect.stringContaining('has had a snapshot for') },
  ]);
  expect(await resultOf('snapshots', sweeper())).toMatchObject({ outcome: 'found', reason: null });
});

test('an index that another role may be building is not called invalid, and one that nobody builds is', async () => {
  const holder = await database.connect();
  await holder.query('BEGIN');
  await holder.query('LOCK TABLE delegations IN ROW EXCLUSIVE MODE');
  const builder = await database.connect();
  const { rows } = await builder.query('SELECT pg_backend_pid() AS pid');
  const built = builder.query('CREATE INDEX CONCURRENTLY mine ON delegations (callee_id)').catch((err: Error) => err);
  await waitFor('the index to be invalid', async () => {
    const found = await database.query(
      `SELECT FROM pg_index WHERE NOT indisvalid AND indexrelid = to_regclass('mine')`,
    );
    return found.length > 0;
  });
  expect(await resultOf('objects', sweeper())).toMatchObject({
    outcome: 'not_run',
    reason: expect.stringMatching(/index delegations\.mine is invalid.*GRANT pg_read_all_stats/),
  });
  await database.query(grant);
  expect(await resultOf('objects', sweeper())).toMatchObject({ outcome: 'passed', reason: null });
  await applyRoles(database.url);
  // Its interruption leaves the index behind.
  await database.query('SELECT pg_cancel_backend($1)', [rows[0].pid]);
  expect(await built).toMatchObject({ code: '57014' });
  await holder.query('COMMIT');
  expect(await findingsOf(sweeper(), 'objects')).toMatchObject([
    { severity: 'problem', what: 'The index delegations.mine is invalid' },
  ]);
});
