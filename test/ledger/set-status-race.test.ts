import { describe, expect, test } from '@jest/globals';
import type { SetStatusResult } from '../../src/ledger/set-status-result.ts';
import type { Status } from '../../src/ledger/transitions.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase();

describe('sessions that race for one row', () => {
  test.each<Status[]>([
    ['completed', 'failed', 'stuck'],
    ['stuck', 'completed', 'failed'],
    ['failed', 'stuck', 'completed'],
    ['completed', 'completed', 'completed'],
  ])('with %s, %s and %s: one changes it, the others get the status that the row really had', async (...order) => {
    const id = await seedDelegation(database);
    const { ledger } = testLedger(database.db);
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [id]);
    const racing: Promise<Awaited<ReturnType<typeof ledger.setStatus>>>[] = [];
    for (const [index, to] of [...order, ...order].entries()) {
      racing.push(ledger.setStatus(id, to, { responseBody: { index } }));
      await waitUntilWaiting(database, index + 1);
    }
    await gate.query('COMMIT');
    const results = await Promise.all(racing);
    await gate.end();

    const winners = results.filter(({ outcome }) => outcome === 'changed');
    expect(winners).toMatchObject([{ from: 'in_progress' }]);
    const { to: winner } = winners[0]!;
    for (const { outcome, from, to } of results.filter((result) => result !== winners[0])) {
      expect({ outcome, from }).toEqual({ outcome: to === winner ? 'unchanged' : 'refused', from: winner });
    }
    expect((await ledger.history(id)).filter(({ toStatus }) => toStatus !== null).slice(1)).toMatchObject([
      { fromStatus: 'in_progress', toStatus: winner },
    ]);
    expect((await ledger.get(id))?.status).toBe(winner);
  });

  test('judging by an unlocked SELECT in the same statement would give the loser an outdated status', async () => {
    const [safe, naive] = [await seedDelegation(database), await seedDelegation(database)];
    const { ledger } = testLedger(database.db);
    const rival = await database.connect();
    await rival.query('BEGIN');
    await rival.query(`UPDATE delegations SET status = 'stuck' WHERE delegation_id = ANY($1)`, [[safe, naive]]);
    await rival.query(
      `INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
       SELECT id, 'delegation.stuck', 'in_progress', 'stuck', 'test' FROM unnest($1::text[]) id`,
      [[safe, naive]],
    );
    const result = ledger.setStatus(safe, 'completed');
    const naiveResult = database.query(
      `WITH seen AS MATERIALIZED (SELECT status FROM delegations WHERE delegation_id = $1),
       moved AS (UPDATE delegations SET status = 'completed' WHERE delegation_id = $1 AND status = 'in_progress' RETURNING 1)
       SELECT seen.status AS "from", EXISTS (SELECT FROM moved) AS moved FROM seen`,
      [naive],
    );
    await waitUntilWaiting(database, 2);
    await rival.query('COMMIT');
    await rival.end();
    expect(await result).toEqual({ outcome: 'refused', from: 'stuck', to: 'completed' });
    // Not changed, but reported "from in_progress": inexplicable to the caller, and the late result would be lost.
    expect(await naiveResult).toEqual([{ from: 'in_progress', moved: false }]);
    expect((await ledger.history(safe)).at(-1)).toMatchObject({ event: 'delegation.late_result', fromStatus: 'stuck' });
  });

  test('a session that waited for one that rolls back changes the row itself', async () => {
    const id = await seedDelegation(database);
    const rival = await database.db.startTransaction().execute();
    await testLedger(rival).ledger.setStatus(id, 'failed');
    const { ledger } = testLedger(database.db);
    const result = ledger.setStatus(id, 'completed');
    await waitUntilWaiting(database, 1);
    await rival.rollback().execute();
    expect(await result).toEqual({ outcome: 'changed', from: 'in_progress', to: 'completed' });
  });

  /** The answers of sessions that waited for the row's lock together: none sees in its snapshot what another one wrote. */
  async function atOnce(id: string, calls: readonly (() => Promise<SetStatusResult>)[]): Promise<SetStatusResult[]> {
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [id]);
    const answers = calls.map((call) => call());
    await waitUntilWaiting(database, calls.length);
    await gate.query('COMMIT');
    await gate.end();
    return Promise.all(answers);
  }
  const payload = { resultPreview: 'x', responseBody: [1] };

  test('the same late result from two sessions at once is recorded once', async () => {
    const id = await seedDelegation(database, { status: 'stuck' });
    const { ledger } = testLedger(database.db);
    const complete = () => ledger.setStatus(id, 'completed', payload);
    expect(await atOnce(id, [complete, complete])).toEqual(
      Array(2).fill({ outcome: 'refused', from: 'stuck', to: 'completed' }),
    );
    expect(await ledger.history(id)).toHaveLength(2);
  });

  test('the same result from two sessions at once is in the row, and not a late one', async () => {
    const id = await seedDelegation(database);
    const { ledger } = testLedger(database.db);
    const complete = () => ledger.setStatus(id, 'completed', payload);
    const outcomes = (await atOnce(id, [complete, complete])).map(({ outcome }) => outcome);
    expect(outcomes.toSorted()).toEqual(['changed', 'unchanged']);
    expect(await ledger.history(id)).toHaveLength(2);
  });

  test('two results of one status from two sessions at once: one is in the row, the other is recorded', async () => {
    const id = await seedDelegation(database);
    const { ledger } = testLedger(database.db);
    const previews = ['x', 'y'];
    await atOnce(
      id,
      previews.map((resultPreview) => () => ledger.setStatus(id, 'completed', { resultPreview })),
    );
    const kept = (await ledger.history(id)).slice(1).map(({ detail }) => detail.resultPreview);
    expect(kept.toSorted()).toEqual(previews);
  });
});
