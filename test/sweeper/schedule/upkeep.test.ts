import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Boss } from '../../../src/jobs/boss.ts';
import { Availability } from '../../../src/outage/availability.ts';
import { PgBossClock } from '../../../src/sweeper/schedule/pgboss-clock.ts';
import { SweepQueue } from '../../../src/sweeper/schedule/sweep-queue.ts';
import { Upkeep } from '../../../src/sweeper/schedule/upkeep.ts';
import { capturedLog } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

let boss: Boss;
let queue: SweepQueue;
let clock: PgBossClock;
// Jest runs these hooks in the order of their definition: it stops before its database is dropped.
afterEach(() => boss.stop());
const database = useDatabase({ per: 'test', replayed: false });
const minutely = { expression: '* * * * *', timezone: 'UTC' };
/** After the next occurrence of a minutely schedule, whenever the test runs, and after the time that a tick may take. */
const MISSED_MS = 90_000;
const LOOK_MS = 10_000;

beforeEach(async () => {
  const { log } = capturedLog();
  boss = new Boss(log, new Availability(log), {
    connection: { location: { url: database.url }, max: 2, applicationName: 'upkeep', queryTimeoutMs: 60_000 },
    pgbossSchema: 'pgboss',
    stopWithinMs: 5_000,
  });
  await boss.start();
  queue = new SweepQueue(boss.pgBoss, 'public', minutely);
  clock = new PgBossClock(boss.pgBoss, { db: database.db, pgbossSchema: 'pgboss', queue: queue.name });
  await queue.ensure();
  // pg-boss's own ticks are lost.
  await database.query(`UPDATE pgboss.schedule SET cron = '0 0 1 1 *'`);
});

function upkeep() {
  const { log, events } = capturedLog();
  return { upkeep: new Upkeep({ queue, clock, cron: minutely, log }), events };
}

const jobs = () =>
  database.query<{ id: string; state: string; data: unknown }>(
    'SELECT id, state::text, data FROM pgboss.job WHERE name = $1',
    [queue.name],
  );
/** As a sweep does when it opens. */
const beginSweep = (id: string) => database.query('UPDATE sweeper_state SET sweep_id = $1', [id]);

describe('a tick that is lost', () => {
  test('is asked for, once for its occurrence, and logged with when it was due', async () => {
    const { upkeep: one, events } = upkeep();
    await one.maintain(0);
    await one.maintain(LOOK_MS);
    expect(await jobs()).toEqual([]);
    await one.maintain(MISSED_MS);
    expect(await jobs()).toMatchObject([{ state: 'created', data: { trigger: 'cron' } }]);
    const [missed, ...others] = events('sweep.tick_missed');
    expect(others).toEqual([]);
    expect(missed).toMatchObject({ level: 'warn', dueAt: expect.stringMatching(/:00\.000Z$/) });
    expect(missed!.lateMs).toBeGreaterThan(20_000);
    expect(missed!.lateMs).toBeLessThanOrEqual(MISSED_MS);

    await boss.pgBoss.deleteQueuedJobs(queue.name);
    await one.maintain(MISSED_MS + LOOK_MS);
    expect(await jobs()).toEqual([]);
    await one.maintain(2 * MISSED_MS);
    expect(await jobs()).toHaveLength(1);
  });

  test('is asked for by one of three replicas that check at the same moment', async () => {
    const replicas = [upkeep(), upkeep(), upkeep()];
    await Promise.all(replicas.map((replica) => replica.upkeep.maintain(0)));
    await Promise.all(replicas.map((replica) => replica.upkeep.maintain(MISSED_MS)));
    expect(await jobs()).toHaveLength(1);
    expect(replicas.flatMap(({ events }) => events('sweep.tick_missed'))).toHaveLength(1);
  });

  test('is not asked for when a sweep began for any other reason', async () => {
    const { upkeep: one, events } = upkeep();
    await one.maintain(0);
    await beginSweep('another');
    await one.maintain(MISSED_MS);
    expect(await jobs()).toEqual([]);
    expect(events('sweep.tick_missed')).toEqual([]);
  });

  test('is not asked for while a sweep runs that is longer than a tick', async () => {
    const { upkeep: one, events } = upkeep();
    await queue.request('cron');
    await boss.pgBoss.fetch(queue.name);
    await one.maintain(0);
    await one.maintain(MISSED_MS);
    await one.maintain(MISSED_MS + LOOK_MS);
    expect(await jobs()).toMatchObject([{ state: 'active' }]);
    expect(events('sweep.tick_missed')).toEqual([]);
  });

  test('is given the time that pg-boss takes to notice, when the database’s clock jumped over it', async () => {
    const { upkeep: one, events } = upkeep();
    await one.maintain(0);
    await database.query(`CREATE OR REPLACE FUNCTION pgboss.job_now() RETURNS timestamptz LANGUAGE sql STABLE AS
      $$ SELECT now() + interval '1 hour' $$`);
    for (let atMs = LOOK_MS; atMs < MISSED_MS; atMs += LOOK_MS) await one.maintain(atMs);
    expect(events('sweep.tick_missed')).toEqual([]);
    await one.maintain(MISSED_MS);
    expect(events('sweep.tick_missed')).toHaveLength(1);
  });

  test('is asked for also where the cause cannot be repaired, which is logged', async () => {
    const { upkeep: one } = upkeep();
    await one.maintain(0);
    await database.query('DELETE FROM pgboss.schedule');
    await database.query(`ALTER TABLE pgboss.schedule ADD CONSTRAINT refused CHECK (name = '')`);
    await expect(one.maintain(MISSED_MS)).rejects.toMatchObject({ code: '23514' });
    expect(await jobs()).toHaveLength(1);
  });

  test('is given its whole time again after a check that failed', async () => {
    const { upkeep: one, events } = upkeep();
    await one.maintain(0);
    await database.query('ALTER TABLE sweeper_state RENAME TO away');
    await expect(one.maintain(LOOK_MS)).rejects.toMatchObject({ code: '42P01' });
    await database.query('ALTER TABLE away RENAME TO sweeper_state');
    await one.maintain(MISSED_MS);
    await one.maintain(MISSED_MS + LOOK_MS);
    expect(events('sweep.tick_missed')).toEqual([]);
    await one.maintain(MISSED_MS + 2 * LOOK_MS);
    expect(events('sweep.tick_missed')).toHaveLength(1);
  });

  test('is logged once a minute, also while its request lies in the queue and no worker takes it', async () => {
    const { upkeep: one, events } = upkeep();
    await queue.request('cron');
    await one.maintain(0);
    for (let atMs = MISSED_MS; atMs < MISSED_MS + 120_000; atMs += LOOK_MS) await one.maintain(atMs);
    expect(await jobs()).toHaveLength(1);
    expect(events('sweep.tick_missed')).toHaveLength(2);
    expect(events('sweep.tick_missed')[1]!.lateMs).toBeGreaterThan(events('sweep.tick_missed')[0]!.lateMs as number);
  });
});

test('a missing queue, schedule or queue of ticks is created again', async () => {
  const { upkeep: one } = upkeep();
  await database.query('DELETE FROM pgboss.schedule; DELETE FROM pgboss.job; DELETE FROM pgboss.queue');
  await one.maintain(0);
  const names = await database.query('SELECT name FROM pgboss.queue ORDER BY name');
  expect(names).toEqual([{ name: '__pgboss__send-it' }, { name: queue.name }]);
  expect(await database.query('SELECT name, cron FROM pgboss.schedule')).toEqual([
    { name: queue.name, cron: minutely.expression },
  ]);
});

describe("after the database's clock was set back by an hour", () => {
  const SET_BACK = `CREATE OR REPLACE FUNCTION pgboss.job_now() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT now() - interval '1 hour' $$`;

  test('a sweep that was handed back is due again, instead of blocking the queue for that hour', async () => {
    await queue.request('startup');
    await database.query(SET_BACK);
    const { upkeep: one } = upkeep();
    // Without the correction: it is not handed out, and a new one is refused.
    expect(await boss.pgBoss.fetch(queue.name)).toEqual([]);
    expect(await queue.request('cron')).toBe(false);
    await one.maintain(0);
    expect(await boss.pgBoss.fetch(queue.name)).toHaveLength(1);
  });

  test("a dead worker's sweep does not look alive for that hour", async () => {
    await queue.request('startup');
    await boss.pgBoss.fetch(queue.name);
    await database.query(SET_BACK);
    const silentMs = async () =>
      (
        await database.query<{ ms: number }>(
          `SELECT (extract(epoch FROM pgboss.job_now() - heartbeat_on) * 1000)::int AS ms FROM pgboss.job WHERE name = $1`,
          [queue.name],
        )
      )[0]!.ms;
    expect(await silentMs()).toBeLessThan(-3_500_000);
    await upkeep().upkeep.maintain(0);
    expect(await silentMs()).toBeGreaterThanOrEqual(0);
  });

  test("pg-boss's periodic work goes on: ticks, and the search for dead workers", async () => {
    await database.query(
      `UPDATE pgboss.version SET cron_on = now(), flow_on = now(), reindex_on = NULL, bam_on = now()`,
    );
    await database.query(`UPDATE pgboss.queue SET monitor_on = now(), monitor_claim_on = now(), maintain_on = NULL`);
    await database.query(SET_BACK);
    await upkeep().upkeep.maintain(0);
    expect(
      await database.query(`SELECT cron_on <= pgboss.job_now() AS cron, flow_on <= pgboss.job_now() AS flow,
        bam_on <= pgboss.job_now() AS bam, reindex_on FROM pgboss.version`),
    ).toEqual([{ cron: true, flow: true, bam: true, reindex_on: null }]);
    expect(
      await database.query(`SELECT DISTINCT monitor_on <= pgboss.job_now() AS on, monitor_claim_on <= pgboss.job_now() AS claim,
        maintain_on FROM pgboss.queue`),
    ).toEqual([{ on: true, claim: true, maintain_on: null }]);
  });

  test('the minutes that come a second time may have their ticks again, and no other queue is changed', async () => {
    // One minute for all, which may end meanwhile.
    const [{ minute }] = (await database.query<{ minute: string }>(
      `SELECT date_trunc('minute', now() AT TIME ZONE 'UTC')::text AS minute`,
    )) as [{ minute: string }];
    const file = (name: string, minutes: number, { state = 'completed', filed = 'now()' } = {}) =>
      database.query(
        `INSERT INTO pgboss.job (name, data, state, singleton_key, singleton_on, start_after, created_on)
         VALUES ('__pgboss__send-it', jsonb_build_object('name', $1::text), $3::pgboss.job_state, $1 || '__',
           $4::timestamp - $2::int * interval '1 minute', now(), ${filed})`,
        [name, minutes, state, minute],
      );
    await file(queue.name, 0);
    await file(queue.name, 1, { state: 'created' });
    await file(queue.name, 70);
    // By a pg-boss that has not noticed yet, and would add them again.
    await file(queue.name, 2, { filed: "now() - interval '1 hour 30 seconds'" });
    await file(queue.name, 3, { filed: "now() - interval '1 hour 100 seconds'" });
    await file('another', 0);
    await database.query(SET_BACK);
    await upkeep().upkeep.maintain(0);
    const left = await database.query(
      `SELECT data->>'name' AS name,
        (extract(epoch FROM $1::timestamp - singleton_on) / 60)::int AS minutes
      FROM pgboss.job WHERE name = '__pgboss__send-it' AND singleton_on IS NOT NULL ORDER BY 1, 2`,
      [minute],
    );
    expect(left).toEqual([
      { name: 'another', minutes: 0 },
      { name: queue.name, minutes: 2 },
      { name: queue.name, minutes: 70 },
    ]);
  });

  test('what has been corrected is not corrected again', async () => {
    await queue.request('startup');
    await database.query(SET_BACK);
    expect((await clock.read()).ahead).toBe(true);
    await upkeep().upkeep.maintain(0);
    expect((await clock.read()).ahead).toBe(false);
  });
});

test('a check costs one query, which finds nothing in the future when the clock is right', async () => {
  await queue.request('startup');
  await boss.pgBoss.fetch(queue.name);
  expect(await clock.read()).toMatchObject({ active: true, scheduled: true, ahead: false });
});

test('a queue of the ledger’s other recurring work that is lost alone is noticed, and restored; a schedule that was taken away is not', async () => {
  const restored: string[] = [];
  const restore = async () => {
    restored.push('others');
    await boss.pgBoss.createQueue('nightly');
    await boss.pgBoss.schedule('nightly', '0 0 1 1 *');
  };
  const all = { db: database.db, pgbossSchema: 'pgboss', queue: queue.name, others: ['nightly'] };
  const { log } = capturedLog();
  const restoring = new SweepQueue(boss.pgBoss, 'public', minutely, restore);
  const one = new Upkeep({ queue: restoring, clock: new PgBossClock(boss.pgBoss, all), cron: minutely, log });
  await one.maintain(0);
  await one.maintain(LOOK_MS);
  expect(restored).toEqual(['others']);
  // By a daemon that is configured anew.
  await boss.pgBoss.unschedule('nightly');
  await one.maintain(2 * LOOK_MS);
  expect(restored).toEqual(['others']);
  await boss.pgBoss.deleteQueue('nightly');
  await one.maintain(3 * LOOK_MS);
  expect(restored).toEqual(['others', 'others']);
});

test('where pg-boss’s schema was made anew, the ledger’s other queues come back first, so that a failure there repeats all', async () => {
  const calls: string[] = [];
  const restoring = new SweepQueue(boss.pgBoss, 'public', minutely, async () => {
    calls.push('others');
    if (calls.length === 1) throw new Error('refused');
  });
  const { log } = capturedLog();
  const one = new Upkeep({ queue: restoring, clock, cron: minutely, log });
  const scheduled = async () => (await database.query('SELECT FROM pgboss.schedule')).length;
  await database.query('DELETE FROM pgboss.schedule');
  await expect(one.maintain(0)).rejects.toThrow('refused');
  expect(await scheduled()).toBe(0);
  await one.maintain(LOOK_MS);
  await one.maintain(2 * LOOK_MS);
  expect({ calls, scheduled: await scheduled() }).toEqual({ calls: ['others', 'others'], scheduled: 1 });
});
