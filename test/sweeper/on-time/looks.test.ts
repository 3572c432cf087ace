import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { Looks } from '../../../src/sweeper/on-time/looks.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { leaveBeat } from '../../support/leave-beat.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const THRESHOLD_MS = 600_000;

const looks = (stuckAfterMs = THRESHOLD_MS) => new Looks(database.db, { stuckAfterMs });

/** Moves the last sweep so many seconds back: what came due since then has not been judged. */
async function sweptSecondsAgo(seconds: number): Promise<void> {
  await testSweeper(database.db).sweeper.sweep({ trigger: 'cron' });
  await database.query(`UPDATE sweeper_sweeps SET started_at = started_at - $1::float8 * interval '1 second'`, [
    seconds,
  ]);
}

/** Until the next row comes due, in whole seconds; negative: it has. */
async function dueInSeconds(from = looks()): Promise<number | null> {
  const { dueUs, nowUs } = await from.look();
  return dueUs === null ? null : Math.round((dueUs - nowUs) / 1_000_000);
}

describe('what comes due next', () => {
  test('is nothing before the first sweep, and in an empty ledger', async () => {
    await seedDelegation(database, { silentSeconds: 590 });
    expect(await looks().look()).toMatchObject({ judgedAtUs: null, dueUs: null });
    await database.query('DELETE FROM delegations');
    await database.query('DELETE FROM activity_logs');
    await sweptSecondsAgo(1);
    expect(await dueInSeconds()).toBeNull();
  });

  test('is the row in progress that was heard longest ago', async () => {
    await seedDelegation(database, { silentSeconds: 597 });
    await seedDelegation(database, { silentSeconds: 400 });
    await sweptSecondsAgo(1);
    expect(await dueInSeconds()).toBe(3);
  });

  test('is what has come due since the last sweep', async () => {
    await seedDelegation(database, { silentSeconds: 605 });
    await sweptSecondsAgo(0);
    expect(await dueInSeconds()).toBeNull();
  });

  test('is no row that the last sweep could not mark', async () => {
    const id = await seedDelegation(database, { silentSeconds: 605 });
    const overdue = await seedDelegation(database, { deadlineSeconds: -5 });
    const other = await database.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM delegations WHERE delegation_id = ANY($1) FOR UPDATE', [[id, overdue]]);
    await sweptSecondsAgo(10);
    expect(await dueInSeconds()).toBe(-5);
    await testSweeper(database.db).sweeper.sweep({ trigger: 'cron' });
    expect(await dueInSeconds()).toBe(3600); // the deadline of the first
    await other.query('ROLLBACK');
    expect(await dueInSeconds()).toBe(3600);
  });

  test('is the nearest deadline, unless a row in progress is nearer', async () => {
    await seedDelegation(database, { status: 'queued', deadlineSeconds: 1000 });
    await sweptSecondsAgo(1);
    expect(await dueInSeconds()).toBe(1000);
    await seedDelegation(database, { silentSeconds: 597 });
    expect(await dueInSeconds()).toBe(3);
  });

  test('is put off by time that nobody observed', async () => {
    await seedDelegation(database, { silentSeconds: 598 });
    await sweptSecondsAgo(1);
    await database.query(
      `INSERT INTO sweeper_gaps VALUES (clock_timestamp() - interval '100 seconds', clock_timestamp() - interval '40 seconds')`,
    );
    expect(await dueInSeconds()).not.toBeLessThan(62);
    await database.query(`UPDATE delegations SET last_heartbeat = last_heartbeat - interval '60 seconds'`);
    expect(await dueInSeconds()).toBe(2);
  });

  test('is put off by a leap of the clock, for a deadline that was set before it', async () => {
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -30 });
    await database.query(`UPDATE delegations SET created_at = created_at - interval '1 hour'`);
    await database.query(
      `INSERT INTO sweeper_gaps VALUES (clock_timestamp() - interval '90 seconds', clock_timestamp() - interval '50 seconds', 'clock_jump')`,
    );
    await sweptSecondsAgo(1);
    expect(await dueInSeconds()).toBe(10);
    await seedDelegation(database, { status: 'queued', deadlineSeconds: 4 });
    expect(await dueInSeconds()).toBe(4);
  });

  test('is no row that a lowered threshold leaves alone, but what has been heard since', async () => {
    await seedDelegation(database, { silentSeconds: 100 });
    const heard = await seedDelegation(database, { silentSeconds: 27 });
    await leaveBeat(database.db, 30_000);
    await database.query(`UPDATE sweeper_lowerings SET lowered_at = clock_timestamp() - interval '28 seconds'`);
    await sweptSecondsAgo(1);
    expect(await dueInSeconds(looks(30_000))).toBe(3);
    await database.query('DELETE FROM delegations WHERE delegation_id = $1', [heard]);
    await database.query('DELETE FROM activity_logs WHERE delegation_id = $1', [heard]);
    // The other one, by the ten minutes of before.
    expect(await dueInSeconds(looks(30_000))).not.toBeLessThan(0);
    await database.query(`UPDATE delegations SET last_heartbeat = last_heartbeat - interval '500.5 seconds'`);
    await database.query(`UPDATE sweeper_sweeps SET started_at = started_at - interval '5 seconds'`);
    expect(await dueInSeconds(looks(30_000))).toBeLessThan(0);
  });
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
