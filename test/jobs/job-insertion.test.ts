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
    const [row] = await database.query<{ refused: unknown }>('SELECT delegation_enqueue($1, $2) AS refused', [
      TYPE,
      JSON.stringify([{ singletonKey, data }]),
    ]);
    expect(row!.refused).toBeNull();
    expect(await jobsOf(name)).toEqual(published);
    await boss.unsubscribe(TYPE, name);
  },
);

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
