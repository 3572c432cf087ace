import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PgBoss, type Queue } from 'pg-boss';
import { jobInsertion } from '../../src/jobs/job-insertion.ts';
import { enqueueFunctions } from '../../src/ledger/functions/enqueue.ts';
import { useDatabase } from '../support/use-database.ts';

let boss: PgBoss;
// Before the database is dropped.
afterAll(() => boss.stop({ graceful: false }));
const database = useDatabase({ replayed: false });
const TYPE = 'delegation.stuck.v1';
const singletonKey = 'd-1';
const data = { id: '1', data: { attempt: 1 } };

const queues: Readonly<Record<string, Omit<Queue, 'name'>>> = {
  standard: {},
  'own-table': { partition: true, retryLimit: 7, retryDelay: 3, retryBackoff: true, retryDelayMax: 90 },
  'in-order': { policy: 'key_strict_fifo', deadLetter: 'dead', expireInSeconds: 77, heartbeatSeconds: 20 },
  'short-lived': { policy: 'short', retentionSeconds: 60, deleteAfterSeconds: 120, notify: true },
};

beforeAll(async () => {
  boss = new PgBoss({ connectionString: database.url, max: 2, supervise: false, schedule: false });
  await boss.start();
  await boss.createQueue('dead');
});

/** The jobs of a queue, all columns, with instants as the time since they were written. */
const jobsOf = (queue: string) =>
  database.query<Record<string, unknown>>(
    `SELECT to_jsonb(j) - 'id' || jsonb_build_object('created_on', 'then', 'start_after', j.start_after - j.created_on,
       'keep_until', j.keep_until - j.created_on, 'table', j.tableoid::regclass) AS job
     FROM pgboss.job j WHERE j.name = $1`,
    [queue],
  );

test.each(Object.entries(queues))(
  'the functions write the job that pg-boss would publish: queue %s',
  async (name, options) => {
    await boss.createQueue(name, options);
    await boss.subscribe(TYPE, name);
    await boss.publish(TYPE, data, { singletonKey });
    const published = await jobsOf(name);
    expect(published).toHaveLength(1);
    await database.query('DELETE FROM pgboss.job WHERE name = $1', [name]);
    const [row] = await database.query<{ refused: unknown }>('SELECT delegation_enqueue($1, $2, $3) AS refused', [
      TYPE,
      [singletonKey],
      [JSON.stringify(data)],
    ]);
    expect(row!.refused).toBeNull();
    expect(await jobsOf(name)).toEqual(published);
    await boss.unsubscribe(TYPE, name);
  },
);

test('the jobs of a transaction have ids that ascend in the order of its events, whatever its clock does meanwhile', async () => {
  await boss.createQueue('listener', { policy: 'key_strict_fifo' });
  await boss.subscribe('delegation.failed.v1', 'listener');
  const session = await database.connect();
  const publish = (...keys: string[]) =>
    session.query(`SELECT delegation_enqueue('delegation.failed.v1', $1, array_fill('{}'::jsonb, ARRAY[$2::int]))`, [
      keys,
      keys.length,
    ]);
  await session.query('BEGIN');
  await publish('a', 'b');
  await publish('c');
  await session.query('SAVEPOINT s');
  await publish('undone');
  await session.query('ROLLBACK TO s');
  await publish('d', 'e');
  await session.query('COMMIT');
  await publish('f');
  const rows = await database.query<{ key: string; nr: number; is_of_transaction: boolean }>(
    `SELECT singleton_key AS key, ('x' || substr(hex, 18, 7))::bit(28)::int AS nr,
       ('x' || left(hex, 12))::bit(48)::bigint * 1000 + ('x' || substr(hex, 14, 3))::bit(12)::int
         = (extract(epoch FROM created_on) * 1000000)::bigint AS is_of_transaction
     FROM (SELECT *, replace(id::text, '-', '') AS hex FROM pgboss.job WHERE name = 'listener') j ORDER BY created_on, id`,
  );
  expect(rows.map(({ key, nr }) => `${key}${nr}`)).toEqual(['a1', 'b2', 'c3', 'd4', 'e5', 'f1']);
  // No reading of the clock decides.
  expect(rows.every(({ is_of_transaction }) => is_of_transaction)).toBe(true);
});

test('they wake the workers of a queue that is to notify, and of no other', async () => {
  const listening = await database.connect();
  const heard: (string | undefined)[] = [];
  listening.on('notification', ({ payload }) => heard.push(payload));
  await listening.query(`DO $$ BEGIN
    EXECUTE 'LISTEN pgboss_' || left(encode(sha224('pgboss'::bytea), 'hex'), 24); END $$`);
  for (const name of ['standard', 'short-lived']) await boss.subscribe(TYPE, name);
  await listening.query('DELETE FROM pgboss.job');
  await listening.query('SELECT delegation_enqueue($1, $2, $3)', [TYPE, [singletonKey], [JSON.stringify(data)]]);
  await listening.query('SELECT 1');
  expect(heard).toEqual(['short-lived']);
});

test('they are those of this release of pg-boss: what inserts in another way is refused', async () => {
  const insertion = await jobInsertion('pgboss');
  expect(enqueueFunctions(insertion)).toHaveLength(2);
  expect(() => enqueueFunctions({ ...insertion, insert: 'SELECT 1' })).toThrow('not known');
});
