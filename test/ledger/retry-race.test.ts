import { describe, expect, test } from '@jest/globals';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

const SESSIONS = 6;
const retriesOf = (id: string) =>
  database.query<{ id: string }>('SELECT delegation_id AS id FROM delegations WHERE retry_of = $1', [id]);

describe('sessions that try the same delegation again at once', () => {
  test('each make a retry by the naive form, which looks first and then inserts', async () => {
    await database.query('DROP INDEX delegations_retry_of');
    const id = await seedDelegation(database, { status: 'stuck' });
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => database.connect()));
    for (const session of sessions) await session.query('BEGIN');
    for (const [n, session] of sessions.entries()) {
      await session.query(
        `WITH made AS (
           INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, retry_of, attempt, revision)
           SELECT $2, caller_id, callee_id, task_preview, delegation_id, attempt + 1, 1 FROM delegations d
           WHERE delegation_id = $1 AND status IN ('failed', 'stuck')
             AND NOT EXISTS (SELECT FROM delegations r WHERE r.retry_of = d.delegation_id)
           RETURNING delegation_id)
         INSERT INTO activity_logs (delegation_id, event, to_status, actor)
         SELECT delegation_id, 'delegation.queued', 'queued', 'naive' FROM made`,
        [id, `naive-${n}`],
      );
    }
    for (const session of sessions) await session.query('COMMIT');
    expect(await retriesOf(id)).toHaveLength(SESSIONS);
  });

  test.each([
    ['with the unique index', ''],
    ['before it is built, as while a ledger is upgraded', 'DROP INDEX delegations_retry_of'],
  ])('make one of them, %s, and all others name it', async (_, before) => {
    if (before) await database.query(before);
    const id = await seedDelegation(database, { status: 'stuck' });
    const { ledger } = testLedger(database.db);
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [id]);
    const racing = Array.from({ length: SESSIONS }, () => ledger.retry(id));
    await waitUntilWaiting(database, SESSIONS);
    await gate.query('COMMIT');
    await gate.end();
    const results = await Promise.all(racing);
    const [made] = await retriesOf(id);
    expect(await retriesOf(id)).toHaveLength(1);
    expect(results.map(({ delegationId }) => delegationId)).toEqual(Array(SESSIONS).fill(made!.id));
    expect(results.map(({ outcome }) => outcome).toSorted()).toEqual([
      ...Array(SESSIONS - 1).fill('duplicate'),
      'inserted',
    ]);
  });
});

describe('a client that inserts a retry by a statement of its own, without a lock,', () => {
  const plain = `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, retry_of, attempt)
    VALUES ('plain', 'caller', 'callee', 'task', $1, 2)`;

  test.each([
    ['commits: it is the one that is named', 'COMMIT', { outcome: 'duplicate', delegationId: 'plain', attempt: 2 }],
    ['rolls back: another one is made', 'ROLLBACK', { outcome: 'inserted', delegationId: 'ours', attempt: 2 }],
  ])('and %s', async (_, end, expected) => {
    const id = await seedDelegation(database, { status: 'failed' });
    const rival = await database.connect();
    await rival.query('BEGIN');
    await rival.query(plain, [id]);
    const result = testLedger(database.db).ledger.retry(id, { delegationId: 'ours' });
    await waitUntilWaiting(database, 1);
    await rival.query(end);
    await rival.end();
    expect(await result).toMatchObject(expected);
    expect(await retriesOf(id)).toHaveLength(1);
  });
});

test('a delegation that completes while its retry waits for it is not tried again', async () => {
  const id = await seedDelegation(database);
  const agent = await database.db.startTransaction().execute();
  await testLedger(agent).ledger.setStatus(id, 'completed');
  const { ledger } = testLedger(database.db);
  const result = ledger.retry(id);
  await waitUntilWaiting(database, 1);
  await agent.commit().execute();
  expect(await result).toMatchObject({ outcome: 'refused', status: 'completed' });
  expect(await retriesOf(id)).toEqual([]);
});
