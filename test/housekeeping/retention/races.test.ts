import { describe, expect, test } from '@jest/globals';
import { DuePages } from '../../../src/housekeeping/retention/due-pages.ts';
import { Removals } from '../../../src/housekeeping/retention/removals.ts';
import { removeDelegationsStatement } from '../../../src/housekeeping/retention/statements/remove-delegations.ts';
import { ledgerTables } from '../../../src/ledger/tables.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilBlocked } from '../../support/wait-for.ts';
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

  test('that is being recorded keeps its row, without a wait', async () => {
    await seedPast(database, [
      { id: 'a', status: 'stuck', created: 40 },
      { id: 'b', status: 'stuck', created: 40 },
    ]);
    const agent = await database.connect();
    await agent.query('BEGIN');
    await agent.query(`SELECT delegation_set_status('a', 'completed', NULL, 'done')`);
    const { prune } = testPruner(database.db);
    expect(await prune(days(30))).toMatchObject({ delegations: 1, skipped: 1, refused: 0 });
    await agent.query('COMMIT');
    expect(await prune(days(30))).toMatchObject({ delegations: 0, skipped: 0 });
    expect(await left(database)).toEqual({ a: 'stuck, 3' });
  });

  test('that waits for the removal of its row is told that it is missing, and stays as an orphan', async () => {
    await seedPast(database, [{ id: 'a', status: 'stuck', created: 40 }]);
    const { tables, cutoffs, ids } = await read();
    const { sql, parameters } = removeDelegationsStatement(tables).bind({ ...cutoffs, ids });
    const prune = await database.connect();
    await prune.query('BEGIN');
    await prune.query(sql, parameters);
    const agent = await database.connect();
    const { rows } = await agent.query('SELECT pg_backend_pid() AS pid');
    const told = agent.query(`SELECT outcome FROM delegation_set_status('a', 'completed', NULL, 'done')`);
    await waitUntilBlocked(database, rows[0].pid);
    await prune.query('COMMIT');
    expect((await told).rows).toEqual([{ outcome: 'missing' }]);
    expect(await left(database)).toEqual({ a: 'no row, 1' });
  });

  test('that is recorded while a removal that does not see it runs stays as that of an id without a row', async () => {
    await seedPast(database, [{ id: 'a', status: 'stuck', created: 40 }]);
    const { tables, cutoffs, ids } = await read();
    const { sql, parameters } = removeDelegationsStatement(tables).bind({ ...cutoffs, ids });
    // Its snapshot is from before the result, as that of a statement that has begun and does not have the lock yet.
    const prune = await database.connect();
    await prune.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await prune.query('SELECT FROM delegations');
    await testLedger(database.db).ledger.setStatus('a', 'completed', { resultPreview: 'done' });
    expect((await prune.query(sql, parameters)).rows).toEqual([{ delegations: 1, activity: 2 }]);
    await prune.query('COMMIT');
    expect(await testLedger(database.db).ledger.history('a')).toMatchObject([{ event: 'delegation.late_result' }]);
    const { prune: again } = testPruner(database.db);
    expect(await again(days(1))).toMatchObject({ delegations: 0, activity: 0 });
    await database.query(`UPDATE activity_logs SET created_at = created_at - interval '31 days'`);
    expect(await again(days(1))).toMatchObject({ delegations: 0, activity: 1 });
  });
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
