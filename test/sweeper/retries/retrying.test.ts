import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { countByStatus, notEndedOnce, seedFleet } from '../../support/seed-fleet.ts';
import { seedSpecial } from '../../support/seed-special.ts';
import { unpaired } from '../../support/unpaired.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });

const manual = { trigger: 'manual' } as const;

interface RetryRow {
  readonly id: string;
  readonly of: string;
  readonly attempt: number;
  readonly delayMs: number;
  readonly allowedMs: number;
}

const retries = () =>
  database.query<RetryRow>(`
    SELECT delegation_id AS id, retry_of AS of, attempt,
      round(extract(epoch FROM start_after - created_at) * 1000)::float8 AS "delayMs",
      round(extract(epoch FROM deadline - start_after) * 1000)::float8 AS "allowedMs"
    FROM delegations WHERE retry_of IS NOT NULL ORDER BY attempt, delegation_id`);

/** As if the retry had been begun, and its agent had been silent since. */
const goesSilent = (id: string) =>
  database.query(
    `WITH begun AS (
       UPDATE delegations SET status = 'in_progress', revision = revision + 1,
         last_heartbeat = clock_timestamp() - interval '700 seconds' WHERE delegation_id = $1 RETURNING delegation_id)
     INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
     SELECT delegation_id, 'delegation.in_progress', 'queued', 'in_progress', 'test' FROM begun`,
    [id],
  );

describe('with RETRY_MAX_ATTEMPTS a sweep tries again what it marks stuck', () => {
  test('so many times, each after a longer delay, and says so', async () => {
    const first = await seedDelegation(database, { silentSeconds: 700 });
    const { sweeper, events } = testSweeper(database.db, { retriesMax: 2 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, retried: 1 });
    const [second] = await retries();
    expect(second).toMatchObject({ of: first, attempt: 2 });
    await goesSilent(second!.id);
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, retried: 1 });
    const [, third] = await retries();
    expect(third).toMatchObject({ of: second!.id, attempt: 3 });
    await goesSilent(third!.id);
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, retried: 0 });
    expect(await retries()).toHaveLength(2);

    // From half of 30 s to all of it, and of twice as much.
    expect(second!.delayMs).toBeGreaterThanOrEqual(15_000);
    expect(second!.delayMs).toBeLessThan(30_000);
    expect(third!.delayMs).toBeGreaterThanOrEqual(30_000);
    expect(third!.delayMs).toBeLessThan(60_000);
    expect(events('delegation.stuck').map(({ retriedAs }) => retriedAs)).toEqual([second!.id, third!.id, null]);
    expect(events('sweep.completed').map(({ retried }) => retried)).toEqual([1, 1, 0]);
    const { ledger } = testLedger(database.db);
    expect((await ledger.history(first)).at(-1)).toMatchObject({
      event: 'delegation.stuck',
      detail: { retriedAs: second!.id },
    });
    expect(await ledger.history(second!.id)).toMatchObject([
      { event: 'delegation.queued', actor: 'sweeper', detail: { retryOf: first, attempt: 2 } },
      { event: 'delegation.in_progress' },
      { event: 'delegation.stuck' },
    ]);
    expect(await database.query('SELECT stuck, retried FROM sweeper_sweeps ORDER BY started_at')).toEqual([
      { stuck: 1, retried: 1 },
      { stuck: 1, retried: 1 },
      { stuck: 1, retried: 0 },
    ]);
    expect(await unpaired(database, 2)).toEqual([]);
  });

  test.each([0, 1, 2])('at most RETRY_MAX_ATTEMPTS=%s times', async (retriesMax) => {
    await seedDelegation(database, { silentSeconds: 700 });
    const { sweeper } = testSweeper(database.db, { retriesMax });
    for (let tries = 0; tries <= retriesMax; tries += 1) {
      const isLast = tries === retriesMax;
      expect(await sweeper.dryRun()).toMatchObject({ stuck: 1, retried: isLast ? 0 : 1 });
      expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, retried: isLast ? 0 : 1 });
      if (!isLast) await goesSilent((await retries()).at(-1)!.id);
    }
    expect((await retries()).map(({ attempt }) => attempt)).toEqual([2, 3].slice(0, retriesMax));
    expect(await unpaired(database, retriesMax)).toEqual([]);
  });

  test('with the delay of the hundredth attempt no longer than an hour, and different for each', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => seedDelegation(database, { silentSeconds: 700 })));
    await database.query('UPDATE delegations SET attempt = 99');
    await testSweeper(database.db, { retriesMax: 999 }).sweeper.sweep(manual);
    const delays = (await retries()).map(({ delayMs }) => delayMs);
    expect(delays).toHaveLength(ids.length);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(1_800_000);
    expect(Math.max(...delays)).toBeLessThan(3_600_000);
    expect(new Set(delays).size).toBeGreaterThan(ids.length / 2);
  });

  test('for lack of progress as for silence, and also where the threshold is its own', async () => {
    const silent = await seedSpecial(database, { stuckAfterMs: 5_000, silentSeconds: 60 });
    const stalled = await seedSpecial(database, { stalledAfterMs: 5_000, enteredSeconds: 60 });
    const { sweeper, events } = testSweeper(database.db, { retriesMax: 1 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 2, retried: 2 });
    expect((await retries()).map(({ of }) => of).toSorted()).toEqual([silent, stalled].toSorted());
    expect(events('delegation.stalled')).toMatchObject([{ delegationId: stalled, retriedAs: expect.any(String) }]);
    const again = await database.query(`
      SELECT stuck_after_ms::int AS own, stalled_after_ms::int AS stalled FROM delegations WHERE retry_of IS NOT NULL ORDER BY 1`);
    expect(again).toEqual([
      { own: 5_000, stalled: null },
      { own: null, stalled: 5_000 },
    ]);
  });
});

describe('a sweep does not try again', () => {
  test('what is overdue', async () => {
    await seedDelegation(database, { silentSeconds: 700, deadlineSeconds: -5 });
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 });
    const { sweeper } = testSweeper(database.db, { retriesMax: 4 });
    expect(await sweeper.sweep(manual)).toMatchObject({ failed: 2, retried: 0 });
    expect(await retries()).toEqual([]);
  });

  test('what has a late result, which came before it began', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status: 'queued' });
    expect(await ledger.setStatus(id, 'completed', { resultPreview: 'done' })).toMatchObject({ outcome: 'refused' });
    await goesSilent(id);
    const { sweeper } = testSweeper(database.db, { retriesMax: 4 });
    expect(await sweeper.dryRun()).toMatchObject({ stuck: 1, retried: 0 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, retried: 0 });
    expect(await retries()).toEqual([]);
    expect(await unpaired(database, 4)).toEqual([]);
  });

  test('what the storm guard holds', async () => {
    await seedFleet(database, { rows: 30, callees: 4, silentSeconds: 700 });
    await seedFleet(database, { rows: 10, callees: 4 });
    const storm = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };
    const { sweeper } = testSweeper(database.db, { retriesMax: 4, storm });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 0, retried: 0, held: true });
    expect(await retries()).toEqual([]);
    expect(await sweeper.sweep({ ...manual, force: true })).toMatchObject({ stuck: 30, retried: 30 });
    expect(await unpaired(database, 4)).toEqual([]);
  });

  test('anything by default', async () => {
    await seedDelegation(database, { silentSeconds: 700 });
    expect(await testSweeper(database.db).sweeper.sweep(manual)).toMatchObject({ stuck: 1, retried: 0 });
    expect(await retries()).toEqual([]);
  });
});

test('a dry run names what would be tried again, which a sweep then does', async () => {
  const [once, twice] = [
    await seedDelegation(database, { silentSeconds: 700 }),
    await seedDelegation(database, { silentSeconds: 800 }),
  ];
  await seedDelegation(database, { silentSeconds: 700, deadlineSeconds: -5 });
  await database.query('UPDATE delegations SET attempt = 2 WHERE delegation_id = $1', [twice]);
  const { sweeper } = testSweeper(database.db, { retriesMax: 1 });
  const plan = await sweeper.dryRun();
  expect(plan).toMatchObject({ stuck: 2, failed: 1, retried: 1 });
  expect(plan.rows.filter((row) => 'retried' in row).map(({ delegationId }) => delegationId)).toEqual([once]);
  expect(await retries()).toEqual([]);
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 2, failed: 1, retried: 1 });
  expect((await retries()).map(({ of }) => of)).toEqual([once]);
});

describe('a retry that the database refuses', () => {
  /** Every insert of a retry of these raises. */
  const poison = (...ids: string[]) =>
    database.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.retry_of = ANY ('{${ids.join(',')}}') THEN RAISE EXCEPTION 'no' USING ERRCODE = 'P0666'; END IF;
        RETURN NEW; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON delegations FOR EACH ROW EXECUTE FUNCTION refuse()`);

  test('leaves its delegation unmarked, as a poisoned one, and stops no other', async () => {
    const prefix = await seedFleet(database, { rows: 300, silentSeconds: 700 });
    const poisoned = [3, 150, 299].map((i) => `${prefix}${String(i).padStart(8, '0')}`);
    await poison(...poisoned);
    const { sweeper, events } = testSweeper(database.db, { retriesMax: 1, batchRowsMax: 64 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 297, retried: 297, poisoned: 3, remaining: 3 });
    expect(
      events('sweep.poisoned')
        .map(({ delegationId }) => delegationId)
        .toSorted(),
    ).toEqual(poisoned);
    expect(await countByStatus(database)).toEqual({ stuck: 297, queued: 297, in_progress: 3 });
    expect(await unpaired(database, 1)).toEqual([]);
    expect(await notEndedOnce(database)).toEqual([]);
    await database.query('DROP TRIGGER refuse ON delegations');
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 3, retried: 3, poisoned: 0 });
    expect(await unpaired(database, 1)).toEqual([]);
  });
});

test('two sweepers at once try each delegation again once', async () => {
  await seedFleet(database, { rows: 2000, silentSeconds: 700 });
  const sweepers = [1, 2].map(() => testSweeper(database.db, { retriesMax: 1, batchRowsMax: 50 }).sweeper);
  for (let round = 0; round < 4; round += 1) await Promise.all(sweepers.map((sweeper) => sweeper.sweep(manual)));
  expect(await countByStatus(database)).toEqual({ stuck: 2000, queued: 2000 });
  expect(await unpaired(database, 1)).toEqual([]);
  expect(await notEndedOnce(database)).toEqual([]);
});

test('a function that is not there, or not allowed, is an error of the sweep: no row is taken for poisoned', async () => {
  const id = await seedDelegation(database, { silentSeconds: 700 });
  await database.query(`CREATE ROLE "${database.name}" LOGIN`);
  try {
    await database.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO "${database.name}"`);
    await database.query('REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC');
    const url = new URL(database.url);
    url.username = database.name;
    const pool = new pg.Pool({ connectionString: url.href, max: 2 });
    const refused = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
    const sweep = (db: Kysely<Database>) => testSweeper(db, { retriesMax: 1 }).sweeper.sweep(manual);
    await expect(sweep(refused)).rejects.toMatchObject({ code: '42501' });
    await refused.destroy();
    await database.query('ALTER FUNCTION delegation_retry RENAME TO delegation_retry_away');
    await expect(sweep(database.db)).rejects.toMatchObject({ code: '42883' });
    expect(await database.query(`SELECT subject FROM sweeper_notices WHERE kind = 'poisoned'`)).toEqual([]);
    await database.query('ALTER FUNCTION delegation_retry_away RENAME TO delegation_retry');
    expect(await sweep(database.db)).toMatchObject({ stuck: 1, retried: 1, poisoned: 0 });
    expect((await retries()).map(({ of }) => of)).toEqual([id]);
  } finally {
    await database.query(`DROP OWNED BY "${database.name}"`);
    await database.query(`DROP ROLE "${database.name}"`);
  }
});
