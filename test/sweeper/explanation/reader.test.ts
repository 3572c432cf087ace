import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { Explainer } from '../../../src/sweeper/explanation/explainer.ts';
import { seedDelegation, sweeperDefaults, testSweeper } from '../../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../../support/scripted-probe.ts';
import { seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase();
const ROLES_SQL = path.resolve(import.meta.dirname, '../../../deploy/postgres/roles.sql');
const tables = [
  'delegations',
  'activity_logs',
  'sweeper_state',
  'sweeper_gaps',
  'sweeper_sweeps',
  'sweeper_notices',
  'sweeper_daemons',
  'sweeper_holds',
];

/** Every row of every table, with the transactions that wrote and locked it. */
async function content(): Promise<unknown> {
  return Promise.all(
    tables.map((table) => database.query(`SELECT t.xmin::text, t.xmax::text, t::text FROM ${table} t ORDER BY 3`)),
  );
}

test('a role that may only read, in sessions that take no writes, gets every explanation, and nothing is written or locked by it', async () => {
  await promisify(execFile)('psql', ['-X', '-q', '-f', ROLES_SQL, database.url]);
  const ended = await seedDelegation(database, { silentSeconds: 900 });
  await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
  const ids = [
    ended,
    await seedDelegation(database, { silentSeconds: 900 }),
    await seedDelegation(database, { silentSeconds: 800, calleeId: 'other' }),
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 }),
    await seedSpecial(database, { stalledAfterMs: 5_000, enteredSeconds: 60 }),
  ];
  await mapTask(database, ids[1]!);
  const before = await content();
  const url = new URL(database.url);
  url.username = 'delegation_sweeper_reader';
  const pool = new pg.Pool({ connectionString: url.href, max: 1, options: '-c default_transaction_read_only=on' });
  await using db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  const probe = new ScriptedProbe(() => ({ outcome: 'no_answer', reason: 'timeout' })).options();
  const sweeper = { ...sweeperDefaults, probe, storm: { minStale: 2, ratio: 0.2, maxHoldMs: 60_000 } };
  const explainer = new Explainer(db, { sweeper, cron: { expression: '* * * * *', timezone: 'UTC' }, onTime: true });
  const actions: unknown[] = [];
  for (const id of ids) actions.push((await explainer.explain(id, { previews: true }))!.nextSweep?.actionNow);
  expect(actions).toEqual([undefined, 'hold', 'hold', 'fail', 'hold']);
  expect(await explainer.unknown('unknown')).toMatchObject({ activity: null });
  // As it is after an upgrade, until roles.sql has run again.
  await database.query('REVOKE SELECT ON sweeper_retention FROM delegation_sweeper_reader');
  expect(await explainer.unknown('unknown')).toMatchObject({ activity: null, removedBefore: null });
  const bare = await seedDelegation(database, { status: 'completed' });
  await database.query('DELETE FROM activity_logs WHERE delegation_id = $1', [bare]);
  expect(await explainer.explain(bare)).toMatchObject({ activityIsGone: false });
  await database.query('DELETE FROM delegations WHERE delegation_id = $1', [bare]);
  expect(await content()).toEqual(before);
});
