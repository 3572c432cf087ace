import { describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { Cutoffs } from '../../../src/housekeeping/retention/cutoffs.ts';
import { DuePages } from '../../../src/housekeeping/retention/due-pages.ts';
import { Removals } from '../../../src/housekeeping/retention/removals.ts';
import { lockDelegationsStatement } from '../../../src/housekeeping/retention/statements/lock-delegations.ts';
import { removeDelegationsStatement } from '../../../src/housekeeping/retention/statements/remove-delegations.ts';
import { ledgerTables } from '../../../src/ledger/tables.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor, waitUntilWaiting } from '../../support/wait-for.ts';
import { days, left, seedPast, testPruner } from './retained.ts';

const database = useDatabase({ per: 'test', replayed: false });
const atOnce = <Page>(read: () => Promise<Page>) => read();

/** The ids that a prune has read, before it removes them. */
async function read() {
  const tables = ledgerTables(database.db);
  const cutoffs = await testPruner(database.db).pruner.cutoffs(days(30));
  const ids: string[] = [];
  for await (const page of new DuePages(database.db, tables).delegations(cutoffs, atOnce)) ids.push(...page.ids);
  return { tables, cutoffs, ids };
}

/** Two old delegations; a late result of `a` is being recorded by the session that it resolves to. */
async function recordingLateResult(): Promise<pg.Client> {
  await seedPast(database, [
    { id: 'a', status: 'stuck', created: 40 },
    { id: 'b', status: 'stuck', created: 40 },
  ]);
  const agent = await database.connect();
  await agent.query('BEGIN');
  await agent.query(`SELECT delegation_set_status('a', 'completed', NULL, 'done')`);
  return agent;
}

describe('a late result', () => {
  test('that comes between the reading and the removal is lost by a removal that judges no more, and not by ours', async () => {
    await seedPast(database, [
      { id: 'a', status: 'stuck', created: 40 },
      { id: 'b', status: 'stuck', created: 40 },
    ]);
    const { tables, cutoffs, ids } = await read();
    expect(ids).toEqual(['a', 'b']);
    const { ledger } = testLedger(database.db);
    for (const id of ids) await ledger.setStatus(id, 'completed', { resultPreview: 'done' });
    expect(await new Removals(database.db, tables).delegations(['a'], cutoffs)).toMatchObject({
      delegations: 0,
      skipped: 1,
    });
    expect(await left(database)).toMatchObject({ a: 'stuck, 3' });
    // By what was read before.
    await database.query(`WITH d AS (DELETE FROM delegations WHERE delegation_id = 'b')
      DELETE FROM activity_logs WHERE delegation_id = 'b'`);
    expect(await left(database)).toEqual({ a: 'stuck, 3' });
  });

  test('that is being recorded keeps the activity of its kept row, all of it, without a wait', async () => {
    const agent = await recordingLateResult();
    const { prune } = testPruner(database.db);
    expect(await prune(days(null, 30))).toMatchObject({ activity: 2, skipped: 1, refused: 0 });
    await agent.query('COMMIT');
    expect(await prune(days(null, 30))).toMatchObject({ activity: 0, skipped: 0 });
    expect(await left(database)).toEqual({ a: 'stuck, 3', b: 'stuck, 0' });
  });

  test('that is being recorded keeps its row, without a wait', async () => {
    const agent = await recordingLateResult();
    const { prune } = testPruner(database.db);
    expect(await prune(days(30))).toMatchObject({ delegations: 1, skipped: 1, refused: 0 });
    await agent.query('COMMIT');
    expect(await prune(days(30))).toMatchObject({ delegations: 0, skipped: 0 });
    expect(await left(database)).toEqual({ a: 'stuck, 3' });
  });
});

describe('while a removal waits at row a, which it has judged with row b,', () => {
  /** As a removal was that judged, locked and deleted in one statement. The judgement is the same in short. */
  const inOneStatement = `
    WITH p AS MATERIALIZED (
      SELECT d.ctid AS place, d.delegation_id FROM delegations d
      WHERE d.delegation_id = ANY ($1) AND NOT EXISTS (SELECT FROM activity_logs n
        WHERE n.delegation_id = d.delegation_id AND n.event = 'delegation.late_result')
      ORDER BY d.delegation_id FOR UPDATE SKIP LOCKED),
    removed AS (DELETE FROM delegations d USING p WHERE d.ctid = p.place RETURNING 1),
    forgotten AS (DELETE FROM activity_logs a WHERE a.delegation_id IN (SELECT p.delegation_id FROM p) RETURNING 1)
    SELECT (SELECT count(*)::int FROM removed) AS delegations, (SELECT count(*)::int FROM forgotten) AS activity`;
  const late = `SELECT outcome FROM delegation_set_status('b', 'completed', NULL, 'done')`;
  const adjusted = `UPDATE delegations SET error_detail = 'seen by an operator' WHERE delegation_id = 'b' RETURNING status AS outcome`;

  /** Both rows are due. A trigger lets the removal wait before it deletes a, until another session has written of b, or waits for it. */
  async function meanwhile(
    write: string,
    remove: (db: pg.Client, ids: readonly string[], cutoffs: Cutoffs) => Promise<unknown>,
  ) {
    await seedPast(database, [
      { id: 'a', status: 'stuck', created: 40 },
      { id: 'b', status: 'stuck', created: 40 },
    ]);
    await database.query(`
      CREATE FUNCTION wait_at_a() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.delegation_id = 'a' THEN PERFORM pg_advisory_xact_lock(1); END IF; RETURN OLD; END $$;
      CREATE TRIGGER wait_at_a BEFORE DELETE ON delegations FOR EACH ROW EXECUTE FUNCTION wait_at_a()`);
    const { cutoffs, ids } = await read();
    const gate = await database.connect();
    await gate.query('SELECT pg_advisory_lock(1)');
    const prune = await database.connect();
    await prune.query(
      'BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off',
    );
    const removed = remove(prune, ids, cutoffs);
    await waitUntilWaiting(database, 1);
    const other = await database.connect();
    let isWritten = false;
    const written = other.query(write).finally(() => {
      isWritten = true;
    });
    await waitFor('the other to have written, or to wait', async () => isWritten || (await areWaiting(2)));
    const waited = !isWritten;
    await gate.query('SELECT pg_advisory_unlock(1)');
    await removed;
    await prune.query('COMMIT');
    const [row] = (await written).rows;
    return { waited, outcome: row?.outcome, left: await left(database) };
  }

  const areWaiting = async (sessions: number) =>
    (
      await database.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
    ).length >= sessions;

  const byOneStatement = (prune: pg.Client, ids: readonly string[]) => prune.query(inOneStatement, [ids]);

  /** The statements of a batch. */
  async function ours(prune: pg.Client, ids: readonly string[], cutoffs: Cutoffs) {
    const tables = ledgerTables(database.db);
    const lock = lockDelegationsStatement(tables).bind({ ids });
    const { rows } = await prune.query(lock.sql, [...lock.parameters]);
    const remove = removeDelegationsStatement(tables).bind({
      ...cutoffs,
      ids: rows.map(({ delegationId }) => delegationId),
    });
    await prune.query(remove.sql, [...remove.parameters]);
  }

  test('a late result of b loses its delegation to a removal in one statement', async () => {
    expect(await meanwhile(late, byOneStatement)).toEqual({
      waited: false,
      outcome: 'refused',
      left: { b: 'no row, 1' },
    });
  });

  test('a change of b loses its activity, and not its row, to a removal in one statement', async () => {
    expect(await meanwhile(adjusted, byOneStatement)).toEqual({
      waited: false,
      outcome: 'stuck',
      left: { b: 'stuck, 0' },
    });
  });

  test('a late result of b waits for ours, is told that it is missing, and stays as an orphan', async () => {
    expect(await meanwhile(late, ours)).toEqual({ waited: true, outcome: 'missing', left: { b: 'no row, 1' } });
    expect(await testLedger(database.db).ledger.history('b')).toMatchObject([{ event: 'delegation.orphan_update' }]);
  });

  test('a change of b waits for ours, and finds no row', async () => {
    expect(await meanwhile(adjusted, ours)).toEqual({ waited: true, outcome: undefined, left: {} });
  });
});

test('what comes after a removal has found its rows, and before it has their locks, is seen: a late result, a change', async () => {
  await seedPast(database, [
    { id: 'a', status: 'stuck', created: 40 },
    { id: 'b', status: 'stuck', created: 40 },
    { id: 'c', status: 'stuck', created: 40 },
  ]);
  const { tables, cutoffs, ids } = await read();
  // The locks are asked for by a snapshot from before both.
  const lock = lockDelegationsStatement(tables).bind({ ids });
  const prune = await database.connect();
  const cursor = lock.sql.replace(/^/, 'DECLARE locked CURSOR FOR ');
  await prune.query('BEGIN');
  await prune.query(cursor, [...lock.parameters]);
  await testLedger(database.db).ledger.setStatus('a', 'completed', { resultPreview: 'done' });
  await database.query(`UPDATE delegations SET error_detail = 'seen by an operator' WHERE delegation_id = 'b'`);
  const { rows } = await prune.query('FETCH ALL locked');
  expect(rows).toHaveLength(3);
  const remove = removeDelegationsStatement(tables).bind({
    ...cutoffs,
    ids: rows.map(({ delegationId }) => delegationId),
  });
  expect((await prune.query(remove.sql, [...remove.parameters])).rows).toEqual([{ delegations: 2, activity: 4 }]);
  await prune.query('COMMIT');
  expect(await left(database)).toEqual({ a: 'stuck, 3' });
});

test('two prunes and the living at once: each row goes once, nothing fails, and no work is lost', async () => {
  const ROWS = 400;
  await seedPast(
    database,
    Array.from({ length: ROWS }, (_, i) => ({ id: `old-${i}`, status: 'stuck', created: 40, waits: [39] }) as const),
  );
  const { ledger } = testLedger(database.db);
  const living = async () => {
    const outcomes: string[] = [];
    for (let i = 0; i < ROWS; i += 10) {
      const { outcome } = await ledger.setStatus(`old-${i}`, 'completed', { resultPreview: `result ${i}` });
      outcomes.push(outcome);
      await ledger.retry(`old-${i + 1}`);
      await ledger.insert({ delegationId: `new-${i}`, callerId: 'c', calleeId: 'c', taskPreview: 't' });
      await ledger.setStatus(`new-${i}`, 'in_progress');
    }
    return outcomes;
  };
  const [one, other, outcomes] = await Promise.all([
    testPruner(database.db, { pageRowsMax: 50 }).prune(days(30)),
    testPruner(database.db, { pageRowsMax: 70 }).prune(days(30)),
    living(),
  ]);
  expect([one.refused, other.refused]).toEqual([0, 0]);
  const rows = await left(database);
  const kept = Object.keys(rows).filter((id) => id.startsWith('old-') && !rows[id]!.startsWith('no row'));
  expect(one.delegations + other.delegations).toBe(ROWS - kept.length);
  for (let i = 0; i < ROWS; i += 10) {
    expect(rows[`new-${i}`]).toBe('in_progress, 2');
    // Recorded as late where the row was there, as an orphan where it was not.
    expect(['missing', 'refused']).toContain(outcomes[i / 10]);
    expect((await ledger.history(`old-${i}`)).at(-1)).toMatchObject({ detail: { resultPreview: `result ${i}` } });
  }
});

describe('what the database refuses to remove', () => {
  test('stops no other, is named, and its activity stays with it', async () => {
    await seedPast(database, [
      { id: 'a', status: 'completed', created: 40 },
      { id: 'b', status: 'completed', created: 40 },
      { id: 'c', status: 'completed', created: 40 },
    ]);
    await database.query(`CREATE TABLE mine (delegation_id text COLLATE "C" REFERENCES delegations);
      INSERT INTO mine VALUES ('b')`);
    const { prune, events } = testPruner(database.db);
    expect(await prune(days(30))).toMatchObject({
      delegations: 2,
      activity: 4,
      refused: 1,
      refusal: { delegationId: 'b' },
    });
    expect(events('prune.refused')).toMatchObject([{ refused: 1, delegationId: 'b', err: { code: '23503' } }]);
    expect(await left(database)).toEqual({ b: 'completed, 2' });
  });

  test('an A2A task goes with its delegation; one that is locked keeps it for the next prune', async () => {
    await seedPast(database, [
      { id: 'a', status: 'completed', created: 40 },
      { id: 'b', status: 'completed', created: 40 },
    ]);
    await database.query(`INSERT INTO a2a_tasks (delegation_id, agent_url, task_id)
      VALUES ('a', 'http://a', 'a'), ('b', 'http://a', 'b')`);
    const agent = await database.connect();
    await agent.query('BEGIN');
    await agent.query(`UPDATE a2a_tasks SET claimed_until = clock_timestamp() WHERE delegation_id = 'b'`);
    const { prune } = testPruner(database.db);
    expect(await prune(days(30))).toMatchObject({ delegations: 1, skipped: 1, refused: 0 });
    await agent.query('COMMIT');
    expect(await prune(days(30))).toMatchObject({ delegations: 1, skipped: 0 });
    expect(await database.query('SELECT FROM a2a_tasks')).toEqual([]);
  });
});
