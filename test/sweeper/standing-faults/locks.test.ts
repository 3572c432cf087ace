import { describe, expect, test } from '@jest/globals';
import { Notices } from '../../../src/sweeper/notices.ts';
import { SnapshotReport } from '../../../src/sweeper/standing-faults/snapshot-report.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { capturedLog, seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const manual = { trigger: 'manual' } as const;
const ageNotices = (minutes: number) =>
  database.query(`UPDATE sweeper_notices SET noticed_at = noticed_at - $1::int * interval '1 minute'`, [minutes]);

/** A session that locks what this selects and then stays idle. */
async function idleHolder(...statements: string[]) {
  const holder = await database.connect();
  await holder.query(`SET application_name = 'forgetful'`);
  const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  for (const statement of ['BEGIN', ...statements]) await holder.query(statement);
  return { holder, pid: rows[0]!.pid };
}

describe('a row that an idle transaction keeps locked past its threshold', () => {
  test('is named with the session that holds it, once an hour by all replicas together, and does not stop the rest', async () => {
    const locked = await seedDelegation(database, { silentSeconds: 700 });
    const free = await seedDelegation(database, { silentSeconds: 700 });
    const { holder, pid } = await idleHolder(`SELECT FROM delegations WHERE delegation_id = '${locked}' FOR UPDATE`);
    const replicas = [testSweeper(database.db), testSweeper(database.db)];
    const said = () => replicas.flatMap(({ events }) => events('sweep.row_locked'));
    expect(await replicas[0]!.sweeper.sweep(manual)).toMatchObject({ stuck: 1, poisoned: 0, remaining: 1 });
    expect((await testLedger(database.db).ledger.get(free))?.status).toBe('stuck');
    for (const { sweeper } of [...replicas, ...replicas]) await sweeper.sweep(manual);
    expect(said()).toHaveLength(1);
    const session = { pid, user: 'postgres', applicationName: 'forgetful', state: 'idle in transaction' };
    expect(said()[0]).toMatchObject({ level: 'warn', delegationId: locked, rule: 'stale', ...session });
    expect(said()[0]!.transactionAgeMs).toBeGreaterThanOrEqual(0);
    await ageNotices(60);
    for (const { sweeper } of replicas) await sweeper.sweep(manual);
    expect(said()).toHaveLength(2);
    await holder.query('ROLLBACK');
    expect(await replicas[0]!.sweeper.sweep(manual)).toMatchObject({ stuck: 1, remaining: 0 });
    expect(said()).toHaveLength(2);
  });

  test('is named under the deadline rule as well', async () => {
    const locked = await seedDelegation(database, { deadlineSeconds: -5 });
    const { pid } = await idleHolder(`SELECT FROM delegations WHERE delegation_id = '${locked}' FOR UPDATE`);
    const { sweeper, events } = testSweeper(database.db);
    expect(await sweeper.sweep(manual)).toMatchObject({ failed: 0, remaining: 1 });
    expect(events('sweep.row_locked')).toEqual([
      expect.objectContaining({ delegationId: locked, rule: 'overdue', pid }),
    ]);
  });

  test('is named when its holder changed it, also within a savepoint, as for a heartbeat inside a transaction', async () => {
    const changed = await seedDelegation(database, { silentSeconds: 700 });
    const update = `UPDATE delegations SET last_heartbeat = now() WHERE delegation_id = '${changed}'`;
    for (const statements of [
      [update],
      ['SAVEPOINT heartbeat', update],
      ['SAVEPOINT heartbeat', update, 'RELEASE heartbeat'],
    ]) {
      const { holder, pid } = await idleHolder(...statements);
      const { sweeper, events } = testSweeper(database.db);
      expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 0, remaining: 1 });
      expect(events('sweep.row_locked')).toEqual([expect.objectContaining({ delegationId: changed, pid })]);
      await holder.query('ROLLBACK');
      await ageNotices(60);
    }
  });

  test('is named without a session when several could be the one whose savepoint holds it', async () => {
    const saved = await seedDelegation(database, { silentSeconds: 700 });
    const other = await seedDelegation(database);
    await idleHolder(`UPDATE delegations SET last_heartbeat = now() WHERE delegation_id = '${other}'`);
    await idleHolder(
      'SAVEPOINT heartbeat',
      `UPDATE delegations SET last_heartbeat = now() WHERE delegation_id = '${saved}'`,
      'RELEASE heartbeat',
    );
    const { sweeper, events } = testSweeper(database.db);
    await sweeper.sweep(manual);
    expect(events('sweep.row_locked')).toEqual([expect.objectContaining({ delegationId: saved, pid: null })]);
  });

  test('is found among many rows that are left for other reasons', async () => {
    // During a hold all are left.
    const prefix = await seedFleet(database, { rows: 100, silentSeconds: 700 });
    const locked = `${prefix}00000099`;
    const { pid } = await idleHolder(`SELECT FROM delegations WHERE delegation_id = '${locked}' FOR UPDATE`);
    const { sweeper, events } = testSweeper(database.db, { storm: { minStale: 20, ratio: 0.5, maxHoldMs: 60_000 } });
    expect(await sweeper.sweep(manual)).toMatchObject({ held: true, remaining: 100 });
    expect(events('sweep.row_locked')).toEqual([expect.objectContaining({ delegationId: locked, pid })]);
  });

  test('a lock that has been released is not reported', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    const { holder } = await idleHolder(`SELECT FROM delegations WHERE delegation_id = '${id}' FOR UPDATE`);
    await holder.query('ROLLBACK');
    const { sweeper, events } = testSweeper(database.db);
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, remaining: 0 });
    expect(events('sweep.row_locked')).toEqual([]);
  });
});

describe('an old snapshot', () => {
  test('is named once per session, and a second session of the same kind is named as well', async () => {
    const { log, events } = capturedLog();
    const report = () =>
      new SnapshotReport(database.db, log, new Notices(database.db, sweeperTables(database.db))).report('0 ms');
    const open = () => idleHolder('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', 'SELECT FROM delegations');
    const first = await open();
    await report();
    await report();
    expect(events('sweep.snapshot_held')).toEqual([
      expect.objectContaining({ pid: first.pid, applicationName: 'forgetful', state: 'idle in transaction' }),
    ]);
    const second = await open();
    await report();
    expect(events('sweep.snapshot_held').map(({ pid }) => pid)).toEqual([first.pid, second.pid]);
    await ageNotices(24 * 60);
    await report();
    expect(events('sweep.snapshot_held')).toHaveLength(4);
  });

  test('is not named while it is young, nor is a transaction without a snapshot', async () => {
    await idleHolder('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ', 'SELECT FROM delegations');
    await idleHolder();
    const { sweeper, events } = testSweeper(database.db);
    await sweeper.sweep(manual);
    expect(events('sweep.snapshot_held')).toEqual([]);
  });
});
