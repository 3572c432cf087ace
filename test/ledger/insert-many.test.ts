import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import type { InsertArguments } from '../../src/index.ts';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

const delegation = (delegationId: string, more: Partial<InsertArguments> = {}): InsertArguments => ({
  delegationId,
  callerId: 'caller',
  calleeId: 'callee',
  taskPreview: 'task',
  ...more,
});
const several = (count: number, name = 'd') =>
  Array.from({ length: count }, (_, i) => delegation(`${name}-${String(i).padStart(5, '0')}`));
const rows = async () => (await database.query<{ n: number }>('SELECT count(*)::int AS n FROM delegations'))[0]!.n;

describe('insertMany', () => {
  test('records each with its activity, and answers in the order of the list', async () => {
    const { ledger } = testLedger(database.db);
    const list = [
      delegation('b', { requestBody: { text: `O'Neil "\\ ü 🙂` }, idempotencyKey: 'key' }),
      delegation('a', { taskPreview: '€'.repeat(1500), deadline: '2030-01-01T00:00:00Z' }),
      delegation('c', { deadlineMs: 60_000, stuckAfterMs: 5_000, requestBody: [null, 0.1] }),
    ];
    expect(await ledger.insertMany(list)).toEqual(
      ['b', 'a', 'c'].map((delegationId) => ({ outcome: 'inserted', delegationId, status: 'queued' })),
    );
    expect(await ledger.get('a')).toMatchObject({
      taskPreview: '€'.repeat(1365),
      deadline: new Date('2030-01-01T00:00:00Z'),
    });
    expect(await ledger.history('b')).toMatchObject([
      { event: 'delegation.queued', actor: 'ledger', requestBody: { text: `O'Neil "\\ ü 🙂` } },
    ]);
    expect(await ledger.history('c')).toMatchObject([{ requestBody: [null, 0.1] }]);
    expect(
      await database.query(`SELECT deadline - created_at = interval '1 minute' AS soon, stuck_after_ms::int AS own
        FROM delegations WHERE delegation_id = 'c'`),
    ).toEqual([{ soon: true, own: 5_000 }]);
    const order = await database.query<{ id: string }>(
      'SELECT delegation_id AS id FROM activity_logs ORDER BY activity_id',
    );
    expect(order.map(({ id }) => id)).toEqual(['b', 'a', 'c']);
  });

  test.each([
    ['ids', several(1000), several(1000).reverse()],
    [
      'idempotency keys',
      several(1000).map((each, i) => ({ ...each, idempotencyKey: `key-${i}` })),
      several(1000, 'e').map((each, i) => ({ ...each, idempotencyKey: `key-${999 - i}` })),
    ],
  ])('of two calls with the same %s in opposite orders none meets a deadlock', async (_, list, opposite) => {
    const [one, other] = [testLedger(database.db), testLedger(database.db)];
    for (let round = 0; round < 5; round += 1) {
      await database.query('TRUNCATE delegations, activity_logs CASCADE');
      const results = await Promise.all([one.ledger.insertMany(list), other.ledger.insertMany(opposite)]);
      const outcomes = results.flat().map(({ outcome }) => outcome);
      expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(1000);
      expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(1000);
    }
  });

  test('is one round trip for a thousand, and none for none', async () => {
    const statements: string[] = [];
    const counting = new Kysely<Database>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 2 }) }),
      log: ({ query }) => {
        statements.push(query.sql);
      },
    });
    const { ledger } = testLedger(counting);
    expect(await ledger.insertMany([])).toEqual([]);
    const results = await ledger.insertMany(several(2_001));
    await counting.destroy();
    expect(statements).toHaveLength(3);
    expect(results.filter(({ outcome }) => outcome === 'inserted')).toHaveLength(2_001);
    expect(results.map(({ delegationId }) => delegationId)).toEqual(several(2_001).map((one) => one.delegationId));
    expect(await rows()).toBe(2_001);
  });

  test('names the holder of an id or key, also one that stands in the list itself', async () => {
    const { ledger } = testLedger(database.db);
    await ledger.insert(delegation('there', { idempotencyKey: 'held' }));
    await ledger.setStatus('there', 'in_progress');
    const results = await ledger.insertMany([
      delegation('there'),
      delegation('by key', { idempotencyKey: 'held' }),
      delegation('new', { idempotencyKey: 'own' }),
      delegation('new'),
      delegation('again', { idempotencyKey: 'own' }),
      delegation("another caller's", { idempotencyKey: 'held', callerId: 'another' }),
    ]);
    expect(results).toEqual([
      { outcome: 'duplicate', delegationId: 'there', status: 'in_progress' },
      { outcome: 'duplicate', delegationId: 'there', status: 'in_progress' },
      { outcome: 'inserted', delegationId: 'new', status: 'queued' },
      { outcome: 'duplicate', delegationId: 'new', status: 'queued' },
      { outcome: 'duplicate', delegationId: 'new', status: 'queued' },
      { outcome: 'inserted', delegationId: "another caller's", status: 'queued' },
    ]);
    expect(await rows()).toBe(3);
  });

  test('an invalid one is named and logged, and keeps no other from being recorded', async () => {
    const { ledger, events } = testLedger(database.db);
    const results = await ledger.insertMany([
      delegation('a'),
      delegation('b', { callerId: '' }),
      null as unknown as InsertArguments,
      delegation('c'),
    ]);
    expect(results).toMatchObject([
      { outcome: 'inserted', delegationId: 'a' },
      { outcome: 'invalid', delegationId: 'b', error: { field: 'callerId' } },
      { outcome: 'invalid', error: { field: 'delegation' } },
      { outcome: 'inserted', delegationId: 'c' },
    ]);
    expect(events('ledger.insert_failed')).toMatchObject([{ delegationId: 'b', count: 1 }, { count: 1 }]);
  });

  test('what is no list is logged, and answered with none', async () => {
    const { ledger, events } = testLedger(database.db);
    expect(await ledger.insertMany('a' as never)).toEqual([]);
    expect(events('ledger.insert_failed')).toMatchObject([{ err: { message: 'delegations must be an array' } }]);
  });

  test('one whose insert raises costs no other, whatever it raises', async () => {
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'P0001'; END $$`);
    await database.query(`CREATE TRIGGER refuse BEFORE INSERT ON delegations FOR EACH ROW
      WHEN (NEW.delegation_id = 'd-00007') EXECUTE FUNCTION refuse()`);
    const { ledger, events } = testLedger(database.db);
    const results = await ledger.insertMany(several(40));
    expect(results[7]).toMatchObject({ outcome: 'failed', delegationId: 'd-00007', error: { code: 'P0001' } });
    expect(results.filter(({ outcome }) => outcome === 'inserted')).toHaveLength(39);
    expect(events('ledger.insert_failed')).toMatchObject([{ delegationId: 'd-00007', count: 1 }]);
    expect(await rows()).toBe(39);
  });

  test('without a ledger all fail, with one line, and nothing is thrown', async () => {
    const { ledger, events } = testLedger(database.db.withSchema('nowhere'));
    const results = await ledger.insertMany(several(3));
    expect(results.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'failed']);
    expect(events('ledger.insert_failed').map(({ count }) => count)).toEqual([3]);
  });

  test("takes part in the caller's transaction, which a failure does not end", async () => {
    await database.db.transaction().execute(async (transaction) => {
      const { ledger } = testLedger(transaction);
      expect(await ledger.insertMany(several(2))).toMatchObject([{ outcome: 'inserted' }, { outcome: 'inserted' }]);
      const nowhere = testLedger(transaction.withSchema('nowhere'));
      expect(await nowhere.ledger.insertMany(several(1))).toMatchObject([{ outcome: 'failed' }]);
      expect(await ledger.insertMany([delegation('another')])).toMatchObject([{ outcome: 'inserted' }]);
    });
    expect(await rows()).toBe(3);
  });

  test('two lists that share ids, in opposite order, are both answered, and each delegation is recorded once', async () => {
    const { ledger } = testLedger(database.db);
    const list = several(200);
    const answers = await Promise.all([ledger.insertMany(list), ledger.insertMany(list.toReversed())]);
    const outcomes = answers.flat().map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(200);
    expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(200);
    expect(await rows()).toBe(200);
  });

  test('the winner of a race that ended while the list waited is named', async () => {
    const rival = await database.connect();
    await rival.query('BEGIN');
    await rival.query(`SELECT delegation_insert('rival', 'caller', 'callee', 'task', idempotency_key => 'key')`);
    const { ledger } = testLedger(database.db);
    const results = ledger.insertMany([delegation('a'), delegation('b', { idempotencyKey: 'key' })]);
    await waitUntilWaiting(database, 1);
    await rival.query('COMMIT');
    await rival.end();
    expect(await results).toEqual([
      { outcome: 'inserted', delegationId: 'a', status: 'queued' },
      { outcome: 'duplicate', delegationId: 'rival', status: 'queued' },
    ]);
  });
});

test('its plans are not compiled on each call: what only nested loops can do looks dear while these are off', async () => {
  const [row] = await database.query<{ settings: string[] }>(
    `SELECT proconfig AS settings FROM pg_proc WHERE proname = 'delegation_insert_many' AND pronargs > 1`,
  );
  expect(row!.settings).toEqual(expect.arrayContaining(['enable_nestloop=off', 'jit=off']));
});
