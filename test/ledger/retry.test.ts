import { describe, expect, test } from '@jest/globals';
import { DEADLINE_DEFAULT_MS } from '../../src/ledger/deadline.ts';
import { attemptsStatement } from '../../src/ledger/statements/attempts.ts';
import { ledgerTables } from '../../src/ledger/tables.ts';
import { customPlan, genericPlan, nodesOf } from '../support/explain.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('a retry without an id of its own has a UUID of version 7, in the order of time', async () => {
  const { ledger } = testLedger(database.db);
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    const result = await ledger.retry(await seedDelegation(database, { status: 'failed' }));
    expect(result).toEqual({
      outcome: 'inserted',
      delegationId: expect.stringMatching(UUID_V7),
      attempt: 2,
      status: 'failed',
      lateResult: false,
    });
    ids.push(result.delegationId!);
    await database.query('SELECT pg_sleep(0.002)');
  }
  expect(ids.toSorted()).toEqual(ids);
  const madeAtMs = Number.parseInt(ids[0]!.replace('-', '').slice(0, 12), 16);
  expect(Math.abs(Date.now() - madeAtMs)).toBeLessThan(60_000);
  expect(await ledger.get(ids[0]!)).toMatchObject({ status: 'queued', attempt: 2, startAfter: null });
});

test('the row says when the attempt should start', async () => {
  const { ledger } = testLedger(database.db);
  const id = await seedDelegation(database, { status: 'stuck' });
  const { delegationId } = await ledger.retry(id, { startAfterMs: 60_000 });
  const retry = await ledger.get(delegationId!);
  expect(retry).toMatchObject({ retryOf: id, attempt: 2 });
  expect(retry!.startAfter!.getTime() - retry!.createdAt.getTime()).toBe(60_000);
  expect(await ledger.history(delegationId!)).toMatchObject([
    { event: 'delegation.queued', detail: { retryOf: id, attempt: 2, startAfter: expect.any(String) } },
  ]);
});

test.each([
  ['words', { at: 'now and then', until: 'later' }],
  ['a day that does not exist', { at: '2026-02-30T00:00:00Z', until: '2026-02-31T00:00:00Z' }],
  ['an instant that is out of range', { at: '2026-01-01T00:00:00Z', until: '999999-01-01T00:00:00Z' }],
  ['infinite instants', { at: '-infinity', until: 'infinity' }],
  ['a number and an object', { at: 7, until: {} }],
])('a wait of %s, which any writer may add, means the default deadline, and no error', async (_, detail) => {
  const { ledger } = testLedger(database.db);
  const id = await seedDelegation(database, { status: 'stuck' });
  await database.query(
    `INSERT INTO activity_logs (delegation_id, event, actor, detail) VALUES ($1, 'delegation.waiting', 'another', $2)`,
    [id, JSON.stringify(detail)],
  );
  const { delegationId } = await ledger.retry(id);
  const { deadline, createdAt } = (await ledger.get(delegationId!))!;
  expect(deadline.getTime() - createdAt.getTime()).toBe(DEADLINE_DEFAULT_MS);
});

describe("in the caller's transaction", () => {
  test('a retry is undone with it', async () => {
    const id = await seedDelegation(database, { status: 'failed' });
    const transaction = await database.db.startTransaction().execute();
    expect(await testLedger(transaction).ledger.retry(id, { delegationId: `${id}-2` })).toMatchObject({ attempt: 2 });
    await transaction.rollback().execute();
    const { ledger } = testLedger(database.db);
    expect(await ledger.get(`${id}-2`)).toBeNull();
    expect(await ledger.retry(id)).toMatchObject({ outcome: 'inserted' });
  });

  test('a new id that is taken is an error of the argument, and the transaction goes on', async () => {
    const id = await seedDelegation(database, { status: 'failed' });
    const other = await seedDelegation(database);
    const transaction = await database.db.startTransaction().execute();
    const { ledger } = testLedger(transaction);
    await expect(ledger.retry(id, { delegationId: other })).rejects.toMatchObject({
      name: 'InvalidArgumentError',
      field: 'options.delegationId',
    });
    expect(await ledger.retry(id, { delegationId: `${id}-2` })).toMatchObject({ outcome: 'inserted' });
    await transaction.commit().execute();
    expect(await testLedger(database.db).ledger.get(`${id}-2`)).toMatchObject({ retryOf: id });
  });
});

test.each([
  ['options', null],
  ['options.delegationId', { delegationId: '' }],
  ['options.delegationId', { delegationId: 'a\0b' }],
  ['deadlineMs', { deadlineMs: Number.NaN }],
  ['startAfterMs', { startAfterMs: -1 }],
  ['actor', { actor: 7 }],
])('a bad %s is named, and nothing is written', async (field, options) => {
  const id = await seedDelegation(database, { status: 'failed' });
  const { ledger } = testLedger(database.db);
  await expect(ledger.retry(id, options as never)).rejects.toMatchObject({ name: 'InvalidArgumentError', field });
  expect(await database.query('SELECT FROM delegations WHERE retry_of = $1', [id])).toEqual([]);
});

describe('the attempts at a work', () => {
  const attempts = (delegationId: string) =>
    attemptsStatement(ledgerTables(database.db)).run(database.db, { delegationId });

  test('are read from any of them, in order, and those of other works are not', async () => {
    const { ledger } = testLedger(database.db);
    const first = await seedDelegation(database, { status: 'failed' });
    const chain = [first];
    for (let n = 2; n <= 4; n += 1) {
      const { delegationId } = await ledger.retry(chain.at(-1)!);
      chain.push(delegationId!);
      if (n < 4) await ledger.setStatus(delegationId!, 'failed', { errorDetail: `try ${n}` });
    }
    await ledger.retry(await seedDelegation(database, { status: 'failed' }));
    for (const id of chain) {
      const read = await attempts(id);
      expect(read.map(({ delegationId }) => delegationId)).toEqual(chain);
      expect(read.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
      expect(read.map(({ status }) => status)).toEqual(['failed', 'failed', 'failed', 'queued']);
    }
    expect(await attempts('nobody')).toEqual([]);
  });

  test('are bounded, also where a client has made a circle of them', async () => {
    const [a, b] = [await seedDelegation(database), await seedDelegation(database)];
    await database.query('UPDATE delegations SET retry_of = $2, attempt = 2 WHERE delegation_id = $1', [a, b]);
    await database.query('UPDATE delegations SET retry_of = $2, attempt = 3 WHERE delegation_id = $1', [b, a]);
    expect((await attempts(a)).map(({ delegationId }) => delegationId)).toEqual([a, b]);
  });

  test('are found by indexes alone, whatever the plan was made for', async () => {
    const statement = attemptsStatement(ledgerTables(database.db)).bind({ delegationId: 'x' });
    const session = await database.connect();
    await session.query('SET enable_seqscan = off; SET enable_bitmapscan = off');
    for (const plan of [await customPlan(session, statement), await genericPlan(session, statement)]) {
      const scans = nodesOf(plan).filter((node) => node['Relation Name'] === 'delegations');
      expect(scans.map((node) => [node['Index Name'], node['Index Cond']?.split(' ')[0]])).toEqual([
        ['delegations_pkey', '(delegation_id'],
        ['delegations_pkey', '(delegation_id'],
        ['delegations_pkey', '(delegation_id'],
        ['delegations_retry_of', '(retry_of'],
        ['delegations_pkey', '(delegation_id'],
        ['delegations_pkey', '(delegation_id'],
      ]);
    }
    await session.end();
  });
});
