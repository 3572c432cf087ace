import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { eventTypes } from '../../src/events/event-types.ts';
import { Reconciliation } from '../../src/housekeeping/reconciliation/reconciliation.ts';
import { Advisor } from '../../src/sweeper/advice/advisor.ts';
import { Sampler } from '../../src/sweeper/advice/sampler.ts';
import { OperatorHolds } from '../../src/sweeper/hold/operator-holds.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { SetBack } from '../../src/sweeper/observed-time/set-back.ts';
import type { ProbeAnswer } from '../../src/sweeper/probe/suspect-probe.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import { capturedLog, seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../support/scripted-probe.ts';
import { seedSpecial } from '../support/seed-special.ts';
import { eventsIn, subscribe } from '../support/subscriber.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();
const ROLES_SQL = path.resolve(import.meta.dirname, '../../deploy/postgres/roles.sql');

const STUCK_AFTER_MS = 600_000;

/** A session's Kysely as this role. */
function as(role: string): { readonly db: Kysely<Database> } & AsyncDisposable {
  const url = new URL(database.url);
  url.username = role;
  const pool = new pg.Pool({ connectionString: url.href, max: 2 });
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

test("the sweeper's role of deploy/postgres/roles.sql may do all that a sweep does, and what follows a clock set back", async () => {
  await promisify(execFile)('psql', ['-X', '-q', '-f', ROLES_SQL, database.url]);
  const special = await seedDelegation(database, { silentSeconds: 60 });
  await database.query('UPDATE delegations SET stuck_after_ms = 1000 WHERE delegation_id = $1', [special]);
  // Heard since its threshold was lowered.
  await database.query(`UPDATE delegations SET lowered_at = NULL, lowered_from_ms = NULL WHERE delegation_id = $1`, [
    special,
  ]);
  await using role = as('delegation_sweeper_sweeper');
  const { db } = role;
  await subscribe(database, eventTypes);
  await new SetBack(db, sweeperTables(db)).takeBack(Date.now() * 1000);
  const answers: Record<string, ProbeAnswer> = {
    alive: { seen: { step: 'in_progress', progress: 'step 2' }, fingerprint: 'f' },
    waiting: { seen: { step: 'waiting', reason: 'a person' }, fingerprint: 'f' },
    completed: { seen: { step: 'completed', resultPreview: 'done', responseBody: {} }, fingerprint: 'f' },
    failed: { seen: { step: 'failed', errorDetail: 'a2a: FAILED' }, fingerprint: 'f' },
  };
  for (const delegationId of Object.keys(answers)) {
    await seedSpecial(database, { delegationId, silentSeconds: 60, stuckAfterMs: 1000 });
    await mapTask(database, delegationId);
  }
  const probe = new ScriptedProbe(({ delegationId }) => answers[delegationId]!);
  const { sweeper, lines } = testSweeper(db, { probe: probe.options(), retriesMax: 1 });
  const summary = await sweeper.sweep({ trigger: 'manual' });
  expect(summary).toMatchObject({ stuck: 1, retried: 1, poisoned: 0, remaining: 0 });
  expect(lines.filter(({ event }) => event === 'delegation.probed').map(({ changed }) => changed)).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(lines.filter(({ event }) => event === 'sweep.report_failed')).toEqual([]);
  const holds = new OperatorHolds(db);
  await holds.hold({ forMs: 60_000, reason: 'why', by: 'ana' });
  await holds.release('ana');
  expect((await eventsIn(database)).map(({ type }) => type).toSorted()).toEqual([
    'delegation.failed.v1',
    'delegation.stuck.v1',
    'sweep.held.v1',
    'sweep.released.v1',
  ]);
});

test('the same role may reconcile, and the reader may rehearse it', async () => {
  await promisify(execFile)('psql', ['-X', '-q', '-f', ROLES_SQL, database.url]);
  const { ledger } = testLedger(database.db);
  const [lost, behind, ahead, never] = ['lost', 'behind', 'ahead', 'never'] as const;
  for (const delegationId of [lost, behind, ahead]) {
    await ledger.insert({ delegationId, callerId: 'a', calleeId: 'b', taskPreview: 'c', idempotencyKey: delegationId });
  }
  await ledger.setStatus(lost, 'in_progress');
  await ledger.wait(lost, { untilMs: 60_000, reason: 'a person' });
  await ledger.setStatus(behind, 'in_progress');
  await ledger.wait(behind, { untilMs: 60_000, reason: 'a person' });
  await ledger.setStatus(never, 'completed');
  const session = await database.connect();
  await session.query(`SET session_replication_role = replica;
    DELETE FROM delegations WHERE delegation_id = '${lost}';
    UPDATE delegations SET status = 'queued', waiting_since = NULL, waiting_until = NULL, waiting_reason = NULL
    WHERE delegation_id = '${behind}';
    UPDATE delegations SET status = 'dispatched' WHERE delegation_id = '${ahead}'`);
  await session.end();
  const expected = { rowsMissing: 1, rowsBehind: 1, activitiesMissing: 1, impossible: 1, failed: 0 };
  const { signal } = new AbortController();
  await using reader = as('delegation_sweeper_reader');
  const rehearsal = new Reconciliation(reader.db, capturedLog().log);
  expect(await rehearsal.run({ trigger: 'manual', dryRun: true, signal })).toMatchObject(expected);
  await using sweeper = as('delegation_sweeper_sweeper');
  const reconciliation = new Reconciliation(sweeper.db, capturedLog().log);
  expect(await reconciliation.run({ trigger: 'cron', signal })).toMatchObject(expected);
  expect(await reconciliation.run({ trigger: 'cron', signal })).toMatchObject({
    rowsMissing: 0,
    impossible: 0,
    failed: 0,
  });
});

test('where roles.sql was not run again after an upgrade, reconcile names the rights and the file, and heals nothing', async () => {
  await promisify(execFile)('psql', ['-X', '-q', '-f', ROLES_SQL, database.url]);
  await database.query(`REVOKE SELECT ON sweeper_retention FROM delegation_sweeper_sweeper, delegation_sweeper_reader;
    REVOKE UPDATE (deadline), INSERT (status) ON delegations FROM delegation_sweeper_sweeper`);
  const { signal } = new AbortController();
  const reconciled = async (name: string, dryRun: boolean) => {
    await using role = as(`delegation_sweeper_${name}`);
    const capture = capturedLog();
    const running = new Reconciliation(role.db, capture.log).run({ trigger: 'cron', signal, dryRun });
    await expect(running).rejects.toMatchObject({ code: '42501' });
    expect(capture.lines).toHaveLength(1);
    return capture.events('reconcile.failed')[0];
  };
  const failure = (role: string, rights: string) => ({
    retryable: false,
    err: {
      message: `the role delegation_sweeper_${role} lacks rights that reconcile needs (${rights}): run deploy/postgres/roles.sql again, as after each upgrade`,
    },
  });
  expect(await reconciled('sweeper', false)).toMatchObject(
    failure('sweeper', 'INSERT (status) on delegations; UPDATE (deadline) on delegations; SELECT on sweeper_retention'),
  );
  expect(await reconciled('reader', true)).toMatchObject(failure('reader', 'SELECT on sweeper_retention'));
});

test('the same role may gather what the advice rests on, and the reader may ask for it', async () => {
  await promisify(execFile)('psql', ['-X', '-q', '-f', ROLES_SQL, database.url]);
  await using sweeper = as('delegation_sweeper_sweeper');
  const { log } = capturedLog();
  const beat = new Beat(sweeper.db, log, STUCK_AFTER_MS);
  await beat.leave();
  const sampler = new Sampler(sweeper.db, log, beat.daemonId, STUCK_AFTER_MS);
  await sampler.read();
  await sampler.read();
  const [ended, goesOn] = [await seedDelegation(database), await seedDelegation(database)];
  await testLedger(database.db).ledger.setStatus(ended, 'completed');
  await sampler.read();
  await sampler.start();
  await sampler.stop();
  expect(await database.query('SELECT sampled FROM sweeper_advice WHERE sampled > 0')).toEqual([{ sampled: '1' }]);
  const [state] = await database.query<{ followed: unknown }>('SELECT followed FROM sweeper_advice_state');
  expect(JSON.stringify(state!.followed)).toContain(goesOn);
  await using reader = as('delegation_sweeper_reader');
  const { callees } = await new Advisor(reader.db, { stuckAfterMs: STUCK_AFTER_MS }).advice();
  expect(callees).toEqual([expect.objectContaining({ calleeId: 'callee', verdict: 'too_little' })]);
});

test('a role that may not read the subscriptions marks all the same, and logs what was not published', async () => {
  await promisify(execFile)('psql', ['-X', '-q', '-f', ROLES_SQL, database.url]);
  await subscribe(database, ['delegation.stuck.v1'], { queue: 'unread' });
  await database.query('REVOKE SELECT ON pgboss.subscription FROM delegation_sweeper_sweeper');
  const delegationId = await seedDelegation(database, { silentSeconds: 700 });
  await using role = as('delegation_sweeper_sweeper');
  const { sweeper, events } = testSweeper(role.db);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ poisoned: 0 });
  expect(events('delegation.stuck')).toContainEqual(expect.objectContaining({ delegationId }));
  const lost = events('event.not_published').map(({ queue, err }) => [queue, (err as { code: string }).code]);
  expect(lost).toContainEqual([null, '42501']);
});
