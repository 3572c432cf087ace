import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { stepsOf, testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilBlocked } from '../../support/wait-for.ts';
import { inserted, reconciling, withoutTriggers } from './damaging.ts';

const database = useDatabase({ per: 'test', replayed: false });

let ledger: ReturnType<typeof testLedger>['ledger'];
let [one, two]: pg.Client[] = [];
beforeEach(async () => {
  ({ ledger } = testLedger(database.db));
  [one, two] = [await database.connect(), await database.connect()];
});

const RECONCILE = 'SELECT kind, outcome FROM delegation_reconcile($1)';

const pidOf = async (session: pg.Client) =>
  (await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;

/** The rows of a statement of the second session, which first waits for the one that the first has in hand. */
async function afterCommit(sql: string, params: unknown[]): Promise<unknown[]> {
  const pid = await pidOf(two!);
  const waiting = two!.query(sql, params);
  await waitUntilBlocked(database, pid);
  await one!.query('COMMIT');
  return (await waiting).rows;
}

/** A row that went on without its activity. */
async function ahead(): Promise<string> {
  const id = await inserted(database);
  await withoutTriggers(database, `UPDATE delegations SET status = 'dispatched' WHERE delegation_id = $1`, [id]);
  return id;
}

describe('two reconcilers at once', () => {
  const naive = `INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
    SELECT d.delegation_id, 'delegation.' || d.status, 'queued', d.status, 'naive' FROM delegations d
    WHERE d.delegation_id = $1 AND NOT EXISTS (
      SELECT FROM activity_logs a WHERE a.delegation_id = d.delegation_id AND a.to_status = d.status)`;

  test('without the lock, each adds the activity', async () => {
    const id = await ahead();
    await one!.query('BEGIN');
    await one!.query(naive, [id]);
    await two!.query(naive, [id]);
    await one!.query('COMMIT');
    expect(await stepsOf(ledger, id)).toEqual(['queued', 'dispatched', 'dispatched']);
  });

  test('one of them adds it, and the other finds nothing', async () => {
    const id = await ahead();
    await one!.query('BEGIN');
    expect((await one!.query(RECONCILE, [id])).rows).toEqual([{ kind: 'activity_missing', outcome: 'healed' }]);
    expect(await afterCommit(RECONCILE, [id])).toEqual([]);
    expect(await stepsOf(ledger, id)).toEqual(['queued', 'dispatched', 'healed']);
  });
});

describe('a change of status that is not committed yet', () => {
  test('read without the lock, the row looks as if it were behind its activity', async () => {
    const id = await inserted(database);
    await one!.query('BEGIN');
    await one!.query(`SELECT delegation_set_status($1, 'in_progress')`, [id]);
    const { rows: row } = await two!.query('SELECT status FROM delegations WHERE delegation_id = $1', [id]);
    await one!.query('COMMIT');
    const { rows: activity } = await two!.query(
      'SELECT to_status FROM activity_logs WHERE delegation_id = $1 ORDER BY activity_id DESC LIMIT 1',
      [id],
    );
    expect([row[0].status, activity[0].to_status]).toEqual(['queued', 'in_progress']);
  });

  test('is waited for, and is no damage', async () => {
    const id = await inserted(database);
    await one!.query('BEGIN');
    await one!.query(`SELECT delegation_set_status($1, 'in_progress')`, [id]);
    expect(await afterCommit(RECONCILE, [id])).toEqual([]);
    expect(await stepsOf(ledger, id)).toEqual(['queued', 'in_progress']);
  });

  test('a result that its agent repeats while it is reconciled is there once', async () => {
    const id = randomUUID();
    await ledger.setStatus(id, 'completed', { resultPreview: 'r' });
    await inserted(database, { delegationId: id });
    await one!.query('BEGIN');
    await one!.query(`SELECT delegation_set_status($1, 'in_progress')`, [id]);
    await one!.query(`SELECT delegation_set_status($1, 'completed', result_preview => 'r')`, [id]);
    expect(await afterCommit(RECONCILE, [id])).toEqual([]);
    expect(await stepsOf(ledger, id)).toEqual(['orphan_update', 'queued', 'in_progress', 'completed']);
  });
});

describe('a row that is missing, and that its caller inserts again at the same time', () => {
  async function lost(): Promise<string> {
    const id = await inserted(database);
    await withoutTriggers(database, 'DELETE FROM delegations WHERE delegation_id = $1', [id]);
    await one!.query('BEGIN');
    await one!.query(`SELECT delegation_insert($1, 'planner', 'coder', 'write it again')`, [id]);
    return id;
  }

  test('made by a plain insert, it fails', async () => {
    const id = await lost();
    await expect(
      afterCommit(
        `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview) VALUES ($1, 'a', 'b', 'c')`,
        [id],
      ),
    ).rejects.toMatchObject({ code: '23505' });
  });

  test('is left as the caller made it', async () => {
    const id = await lost();
    expect(await afterCommit(RECONCILE, [id])).toEqual([]);
    expect(await ledger.get(id)).toMatchObject({ taskPreview: 'write it again' });
  });

  test('is made again where the caller gives up', async () => {
    const id = await lost();
    const pid = await pidOf(two!);
    const waiting = two!.query(RECONCILE, [id]);
    await waitUntilBlocked(database, pid);
    await one!.query('ROLLBACK');
    expect((await waiting).rows).toEqual([{ kind: 'row_missing', outcome: 'healed' }]);
    expect(await ledger.get(id)).toMatchObject({ taskPreview: 'write it' });
  });
});

test('a row that a session keeps locked is left to the next run, and keeps no other row locked', async () => {
  const [held, free] = [await ahead(), await ahead()].toSorted();
  await one!.query('BEGIN');
  await one!.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [held]);
  const { run, events } = reconciling(database);
  expect(await run()).toMatchObject({ activitiesMissing: 1, locked: 1 });
  expect(events('delegation.not_healed')).toMatchObject([{ delegationId: held, why: 'locked', kind: null }]);
  expect(await stepsOf(ledger, free!)).toEqual(['queued', 'dispatched', 'healed']);
  await one!.query('ROLLBACK');
  expect(await run()).toMatchObject({ activitiesMissing: 1, locked: 0 });
});

test('a row that the database refuses stops no other', async () => {
  const [refused, fine] = [await ahead(), await ahead()];
  await database.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$`);
  await database.query(`CREATE TRIGGER refuse BEFORE INSERT ON activity_logs FOR EACH ROW
    WHEN (NEW.delegation_id = '${refused}') EXECUTE FUNCTION refuse()`);
  const { run, events } = reconciling(database);
  expect(await run()).toMatchObject({ activitiesMissing: 1, failed: 1 });
  expect(events('delegation.not_healed')).toMatchObject([
    { delegationId: refused, why: 'failed', err: { code: 'P0001', message: 'not this one' } },
  ]);
  expect(await stepsOf(ledger, fine)).toEqual(['queued', 'dispatched', 'healed']);
});

test('ended between two steps, it says so, and the next run does the rest', async () => {
  const ids = [await ahead(), await ahead(), await ahead()];
  const { reconciliation, run, events } = reconciling(database, { pageRowsMax: 1, batchRowsMax: 1 });
  const controller = new AbortController();
  const summary = await reconciliation.run({
    trigger: 'manual',
    signal: controller.signal,
    onHealings: async () => controller.abort(),
  });
  expect(summary).toMatchObject({ activitiesMissing: 1, interrupted: true });
  expect(events('reconcile.completed')).toMatchObject([{ interrupted: true }]);
  expect(await run()).toMatchObject({ activitiesMissing: ids.length - 1, interrupted: false });
});
