import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { OperatorHolds } from '../../../src/sweeper/hold/operator-holds.ts';
import { Looks } from '../../../src/sweeper/on-time/looks.ts';
import { type Look, nextStep } from '../../../src/sweeper/on-time/next-step.ts';
import { lookStatement } from '../../../src/sweeper/on-time/statements/look.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { leaveBeat } from '../../support/leave-beat.ts';
import { plainStaleness } from '../../support/plain-staleness.ts';
import { seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const THRESHOLD_MS = 600_000;
const SECOND_US = 1_000_000;

const looks = (stuckAfterMs = THRESHOLD_MS) => new Looks(database.db, { stuckAfterMs });

/** Moves the last sweep so many seconds back: what came due since then has not been judged. */
async function sweptSecondsAgo(seconds: number): Promise<void> {
  await testSweeper(database.db).sweeper.sweep({ trigger: 'cron' });
  await database.query(`UPDATE sweeper_sweeps SET started_at = started_at - $1::float8 * interval '1 second'`, [
    seconds,
  ]);
}

/** When a row is due, by its own instants: the end of its threshold, or its deadline. In microseconds since 1970. */
async function silentFrom(id: string, thresholdSeconds = THRESHOLD_MS / 1000): Promise<number> {
  const [row] = await database.query<{ us: number }>(
    `SELECT (extract(epoch FROM last_heartbeat) * 1000000)::float8 AS us FROM delegations WHERE delegation_id = $1`,
    [id],
  );
  return row!.us + thresholdSeconds * SECOND_US;
}
async function deadlineOf(id: string): Promise<number> {
  const [row] = await database.query<{ us: number }>(
    `SELECT (extract(epoch FROM deadline) * 1000000)::float8 AS us FROM delegations WHERE delegation_id = $1`,
    [id],
  );
  return row!.us;
}
/** What a daemon would do that has seen the same for long. */
const nowStep = (look: Look) => nextStep(look, Number.POSITIVE_INFINITY);
const dueUs = async (from = looks()) => (await from.look()).dueUs;

describe('what comes due next', () => {
  test('is nothing before the first sweep, and in an empty ledger', async () => {
    await sweptSecondsAgo(1);
    expect(await looks().look()).toMatchObject({ judgedAtUs: expect.any(Number), dueUs: null });
    await database.query('DELETE FROM sweeper_sweeps');
    await seedDelegation(database, { silentSeconds: 590 });
    expect(await looks().look()).toMatchObject({ judgedAtUs: null, dueUs: null });
  });

  test('is the row in progress that was heard longest ago', async () => {
    await sweptSecondsAgo(60);
    const first = await seedDelegation(database, { silentSeconds: 598 });
    await seedDelegation(database, { silentSeconds: 400 });
    expect(await dueUs()).toBe(await silentFrom(first));
  });

  test('is what has come due since the last sweep', async () => {
    await sweptSecondsAgo(60);
    const id = await seedDelegation(database, { silentSeconds: 605 });
    expect(await dueUs()).toBe(await silentFrom(id));
  });

  test('is not a row that the last sweep could not mark', async () => {
    const silent = await seedDelegation(database, { silentSeconds: 605 });
    const overdue = await seedDelegation(database, { deadlineSeconds: -3 });
    const other = await database.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM delegations WHERE delegation_id = ANY($1) FOR UPDATE', [[silent, overdue]]);
    await sweptSecondsAgo(60);
    expect(await dueUs()).toBe(await silentFrom(silent));
    await testSweeper(database.db).sweeper.sweep({ trigger: 'cron' });
    expect(await dueUs()).toBe(await deadlineOf(silent));
    await other.query('ROLLBACK');
    expect(await dueUs()).toBe(await deadlineOf(silent));
  });

  test('is the nearest deadline, unless a row in progress is nearer', async () => {
    const queued = await seedDelegation(database, { status: 'queued', deadlineSeconds: 1000 });
    await seedDelegation(database, { status: 'dispatched', deadlineSeconds: 1001 });
    await sweptSecondsAgo(1);
    expect(await dueUs()).toBe(await deadlineOf(queued));
    const silent = await seedDelegation(database, { silentSeconds: 598 });
    expect(await dueUs()).toBe(await silentFrom(silent));
  });

  test('is delayed by unobserved time', async () => {
    await sweptSecondsAgo(30);
    const id = await seedDelegation(database, { silentSeconds: 658 });
    await database.query(
      `WITH clock AS (SELECT date_trunc('second', clock_timestamp()) AS now)
       INSERT INTO sweeper_gaps SELECT now - interval '160 seconds', now - interval '100 seconds' FROM clock`,
    );
    expect(await dueUs()).toBe((await silentFrom(id)) + 60 * SECOND_US);
  });

  test('is delayed by a clock jump, for a deadline that was set before it', async () => {
    const before = await seedDelegation(database, { status: 'queued', deadlineSeconds: -10 });
    await database.query(`UPDATE delegations SET created_at = created_at - interval '1 hour'`);
    await database.query(
      `WITH clock AS (SELECT date_trunc('second', clock_timestamp()) AS now)
       INSERT INTO sweeper_gaps SELECT now - interval '90 seconds', now - interval '50 seconds', 'clock_jump' FROM clock`,
    );
    await sweptSecondsAgo(1);
    expect(await dueUs()).toBe((await deadlineOf(before)) + 40 * SECOND_US);
    const since = await seedDelegation(database, { status: 'queued', deadlineSeconds: 4 });
    expect(await dueUs()).toBe(await deadlineOf(since));
  });

  test('is not a row that a lowered threshold spares, but one that was heard since, or is stale by the longer one', async () => {
    const told = () => looks(30_000);
    const untold = await seedDelegation(database, { silentSeconds: 100 });
    await leaveBeat(database.db, 30_000);
    await database.query(`UPDATE sweeper_lowerings SET lowered_at = clock_timestamp() - interval '29 seconds'`);
    await sweptSecondsAgo(20);
    const heard = await seedDelegation(database, { silentSeconds: 27 });
    expect(await dueUs(told())).toBe(await silentFrom(heard, 30));
    await database.query(
      `UPDATE delegations SET last_heartbeat = last_heartbeat - interval '505 seconds' WHERE delegation_id = $1`,
      [untold],
    );
    await database.query(`UPDATE sweeper_sweeps SET started_at = started_at - interval '60 seconds'`);
    const { dueUs: due, nowUs } = await told().look();
    expect(due).toBeLessThan(nowUs);
  });
});

describe('while an operator holds', () => {
  const holds = () => new OperatorHolds(database.db);
  const hold = () => holds().hold({ forMs: 1_800_000, reason: 'a rollout', by: 'ana' });

  test('what is silent does not come due, by its own threshold neither, but the end of the hold and deadlines do', async () => {
    await sweptSecondsAgo(60);
    await seedDelegation(database, { silentSeconds: 605 });
    await seedSpecial(database, { stuckAfterMs: 5_000, silentSeconds: 15 });
    const one = looks();
    expect((await one.look()).dueUs).not.toBeNull();
    const { hold: made } = await hold();
    const ends = Math.floor((await one.look()).dueUs! / 1000);
    expect(ends).toBe(made.until.getTime());
    const deadline = await seedDelegation(database, { status: 'queued', deadlineSeconds: 30 });
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await one.look()).toMatchObject({ dueUs: await deadlineOf(deadline), isLeftToTicks: false });
    }
  });

  test('rows in progress are not read', async () => {
    await sweptSecondsAgo(60);
    await seedDelegation(database, { silentSeconds: 605 });
    const { judgedAtUs: judgedAt, nowUs } = await looks().look();
    const ask = async () => {
      const staleness = plainStaleness(nowUs - THRESHOLD_MS * 1000);
      const values = {
        daemonId: null,
        judgedAt,
        deadlinesFrom: null,
        staleness,
        heard: true,
        lagMs: 0,
        asksEmpty: true,
      };
      return lookStatement(sweeperTables(database.db)).run(database.db, {
        ...values,
        ranges: [{ fromUs: 0, untilUs: null }],
      });
    };
    expect(await ask()).toMatchObject([{ hasRead: true, heardUs: expect.any(Number) }]);
    await hold();
    expect(await ask()).toMatchObject([{ hasRead: false, heardUs: null }]);
  });

  test('its release is due, also where it was committed after a sweep that still saw the hold', async () => {
    await seedDelegation(database, { silentSeconds: 605 });
    await hold();
    await database.query(
      `UPDATE sweeper_holds SET made_at = made_at - interval '1 minute', held_since = held_since - interval '1 minute'`,
    );
    const operator = await database.connect();
    await operator.query('BEGIN');
    await operator.query(
      `UPDATE sweeper_holds SET ended_at = statement_timestamp() - interval '20 seconds', ended_why = 'operator'`,
    );
    const { sweeper } = testSweeper(database.db);
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0, heldBy: 'operator' });
    await operator.query('COMMIT');
    await operator.end();
    await database.query(`UPDATE sweeper_sweeps SET started_at = started_at - interval '10 seconds'`);
    const one = looks();
    expect(nowStep(await one.look())).toEqual({ kind: 'sweep' });
    expect(await sweeper.sweep({ trigger: 'due' })).toMatchObject({ stuck: 1 });
    expect(nowStep(await one.look())).toMatchObject({ kind: 'wait' });
  });

  test('its release is due once, and so is its end: what was silent meanwhile is judged then', async () => {
    await seedDelegation(database, { silentSeconds: 605 });
    await hold();
    await sweptSecondsAgo(60);
    await holds().release('ana');
    const one = looks();
    const { dueUs: due, nowUs } = await one.look();
    expect(nowUs - due!).toBeLessThan(60 * SECOND_US);
    expect(nowStep(await one.look())).toEqual({ kind: 'sweep' });
    expect(await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1 });
    expect(nowStep(await one.look())).toMatchObject({ kind: 'wait' });
    await hold();
    await database.query(`UPDATE sweeper_holds SET made_at = made_at - interval '30 minutes', held_since = held_since - interval '30 minutes',
      held_until = held_until - interval '30 minutes' WHERE ended_at IS NULL`);
    await database.query(`UPDATE sweeper_sweeps SET started_at = started_at - interval '1 minute'`);
    expect(nowStep(await one.look())).toEqual({ kind: 'sweep' });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    expect(nowStep(await one.look())).toMatchObject({ kind: 'wait' });
  });
});

test('a ledger is empty where no delegation is open, also one that a sweep left', async () => {
  await sweptSecondsAgo(0);
  expect(await looks().look(true)).toMatchObject({ isEmpty: true });
  // Overdue before the last sweep judged, as one that was locked then.
  const left = await seedDelegation(database, { silentSeconds: 5, deadlineSeconds: -60 });
  const one = looks();
  for (let turn = 0; turn < 2; turn += 1) expect(await one.look(true)).toMatchObject({ isEmpty: false });
  await database.query(`UPDATE delegations SET status = 'failed' WHERE delegation_id = $1`, [left]);
  expect(await one.look(true)).toMatchObject({ isEmpty: true });
});

test('what was found due stays so from look to look, until a sweep has judged', async () => {
  await sweptSecondsAgo(60);
  const id = await seedDelegation(database, { silentSeconds: 605 });
  const one = looks();
  const seen = [];
  for (let turn = 0; turn < 5; turn += 1) seen.push((await one.look()).dueUs);
  expect(new Set(seen)).toEqual(new Set([await silentFrom(id)]));
  await testSweeper(database.db).sweeper.sweep({ trigger: 'cron' });
  const { dueUs: due, nowUs } = await one.look();
  expect(due === null || due > nowUs).toBe(true);
});

test('a look after another sweep asks again, by what that sweep judged', async () => {
  await seedDelegation(database, { silentSeconds: 598 });
  await sweptSecondsAgo(60);
  const one = looks();
  expect((await one.look()).dueUs).not.toBeNull();
  await database.query('UPDATE delegations SET last_heartbeat = clock_timestamp()');
  const next = await seedDelegation(database, { silentSeconds: 597 });
  await testSweeper(database.db).sweeper.sweep({ trigger: 'cron' });
  // A look that may not read the fleet yet says when it will.
  const dueUs = await waitFor('the look', async () => {
    const look = await one.look();
    return look.dueUs !== null && look.dueUs === (await silentFrom(next)) ? look.dueUs : undefined;
  });
  expect(dueUs).toBe(await silentFrom(next));
});

describe('everything is left to the ticks', () => {
  test('while the storm guard holds', async () => {
    await seedDelegation(database, { silentSeconds: 605 });
    await sweptSecondsAgo(10);
    expect(await looks().look()).toMatchObject({ isLeftToTicks: false });
    await database.query('UPDATE sweeper_state SET storm_held_since = clock_timestamp()');
    expect(await looks().look()).toMatchObject({ isLeftToTicks: true });
  });

  test('where nothing can be written', async () => {
    await sweptSecondsAgo(10);
    const pool = new pg.Pool({
      connectionString: database.url,
      options: '-c default_transaction_read_only=on',
      max: 1,
    });
    await using db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
    expect(await new Looks(db, { stuckAfterMs: THRESHOLD_MS }).look()).toMatchObject({ isLeftToTicks: true });
  });
});
