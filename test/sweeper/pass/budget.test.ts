import { describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../../src/db/database.ts';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor, waitUntilWaiting } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

/** Ids from the oldest on. */
async function seedSilent(rows: number, from = 700): Promise<string[]> {
  const ids = Array.from({ length: rows }, (_, index) => `silent-${String(index).padStart(3, '0')}`);
  for (const [index, delegationId] of ids.entries()) {
    await seedDelegation(database, { delegationId, silentSeconds: from + (rows - index) * 400 });
  }
  return ids;
}

/** New connections, with the database's current settings. */
function freshSession() {
  const { db, [Symbol.asyncDispose]: close } = openDatabase({
    location: { url: database.url },
    max: 4,
    applicationName: 'fresh',
    queryTimeoutMs: 0,
    schema: 'public',
  });
  return { db, close };
}

const stuckIds = async () =>
  (
    await database.query<{ delegation_id: string }>(
      `SELECT delegation_id FROM activity_logs WHERE event = 'delegation.stuck' ORDER BY activity_id`,
    )
  ).map((row) => row.delegation_id);

describe('the budget of a sweep', () => {
  test('ends a sweep after that many rows, oldest first; the rest is left for the next one', async () => {
    const ids = await seedSilent(7);
    const { sweeper } = testSweeper(database.db, { rowsMax: 5, batchRowsMax: 2 });
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({
      stuck: 5,
      batches: 3,
      remaining: 2,
      truncated: true,
    });
    expect((await stuckIds()).toSorted()).toEqual(ids.slice(0, 5));
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({
      stuck: 2,
      batches: 1,
      remaining: 0,
      truncated: false,
    });
    expect((await stuckIds()).toSorted()).toEqual(ids);
  });

  test('that is just enough truncates nothing', async () => {
    await seedSilent(4);
    const { sweeper } = testSweeper(database.db, { rowsMax: 4, batchRowsMax: 2 });
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 4, remaining: 0, truncated: false });
  });

  test('that a running batch has reserved and does not use goes to the rows behind it', async () => {
    const ids = await seedSilent(6);
    // The first batch stops at its first row; its second row is locked by another session.
    await database.query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN NEW; END $$`);
    await database.query(`CREATE TRIGGER slow BEFORE UPDATE ON delegations FOR EACH ROW
      WHEN (OLD.delegation_id = '${ids[0]}') EXECUTE FUNCTION slow()`);
    const keeper = await database.connect();
    await keeper.query('SELECT pg_advisory_lock(77)');
    const holder = await database.connect();
    await holder.query(`BEGIN; SELECT FROM delegations WHERE delegation_id = '${ids[1]}' FOR UPDATE`);
    const { sweeper, events } = testSweeper(database.db, { rowsMax: 4, batchRowsMax: 2 });
    const sweeping = sweeper.sweep({ trigger: 'manual' });
    await waitUntilWaiting(database, 1);
    await waitFor('the other lane to have used up what is not reserved', () => events('delegation.stuck').length === 2);
    await keeper.end();
    expect(await sweeping).toMatchObject({ stuck: 4, remaining: 2, truncated: true });
    expect((await stuckIds()).toSorted()).toEqual([ids[0], ids[2], ids[3], ids[4]]);
    await holder.end();
  });

  test('is separate for each rule', async () => {
    await seedSilent(3);
    for (let row = 0; row < 3; row += 1) await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 });
    const { sweeper } = testSweeper(database.db, { rowsMax: 2, batchRowsMax: 10 });
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({
      stuck: 2,
      failed: 2,
      batches: 2,
      remaining: 2,
      truncated: true,
    });
  });

  test('counts what remains to 10,000 and no further', async () => {
    await database.query(`
      WITH rows AS (
        INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, deadline, revision)
        SELECT 'row-' || n, 'a', 'b', 'c', now() - n * interval '1 second', 1 FROM generate_series(1, 10010) n RETURNING delegation_id)
      INSERT INTO activity_logs (delegation_id, event, to_status, actor)
      SELECT delegation_id, 'delegation.queued', 'queued', 'test' FROM rows`);
    const { sweeper } = testSweeper(database.db, { rowsMax: 5 });
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ failed: 5, remaining: 10_000, truncated: true });
    expect(await sweeper.dryRun()).toMatchObject({ failed: 5, remaining: 10_000, truncated: true });
  });
});

describe('the cursor', () => {
  test.each([1, 2, 3, 4, 100])(
    'in batches of %i finds every row once, also those that share a key',
    async (batchRowsMax) => {
      const ids = Array.from({ length: 12 }, (_, index) => `row-${index}`);
      for (const delegationId of ids) await seedDelegation(database, { delegationId, silentSeconds: 5000 });
      await database.query(`UPDATE delegations SET last_heartbeat = date_trunc('hour', last_heartbeat)`);
      const deadlines = ['a', 'b', 'c', 'd', 'e'].map((name) => `due-${name}`);
      for (const delegationId of deadlines) await seedDelegation(database, { delegationId, status: 'queued' });
      await database.query(
        `UPDATE delegations SET deadline = date_trunc('hour', now()) - interval '1 hour' WHERE delegation_id = ANY($1)`,
        [deadlines],
      );
      const { sweeper } = testSweeper(database.db, { batchRowsMax });
      const summary = await sweeper.sweep({ trigger: 'manual' });
      expect(summary).toMatchObject({ stuck: 12, failed: 5, remaining: 0, truncated: false });
      expect(summary.batches).toBeGreaterThanOrEqual(Math.ceil(12 / batchRowsMax) + Math.ceil(5 / batchRowsMax));
      expect((await stuckIds()).toSorted()).toEqual(ids.toSorted());
    },
  );
});

describe.each([1, 0, -15])('under extra_float_digits = %i, set for the database,', (digits) => {
  test.each([1, 2, 100])('batches of %i miss no row, neither the first nor the last', async (batchRowsMax) => {
    await database.query(`ALTER DATABASE ${database.name} SET extra_float_digits = ${digits}`);
    const { db, close } = freshSession();
    try {
      for (let row = 0; row < 7; row += 1) {
        await seedDelegation(database, { silentSeconds: 700.123457 + row * 400 });
        // Microseconds apart, so that fewer digits would make them equal.
        await seedDelegation(database, { status: 'queued', deadlineSeconds: -5.1234567 - row * 1e-6 });
      }
      expect(await testSweeper(db).sweeper.dryRun()).toMatchObject({ stuck: 7, failed: 7, remaining: 0 });
      const swept = await testSweeper(db, { batchRowsMax }).sweeper.sweep({ trigger: 'manual' });
      expect(swept).toMatchObject({ stuck: 7, failed: 7, remaining: 0, truncated: false });
      const at = `SELECT abs(extract(epoch FROM clock_timestamp() - started_at)) < 60 AS "isNow" FROM sweeper_sweeps`;
      expect(await database.query(at)).toEqual([{ isNow: true }]);
    } finally {
      await close();
    }
  });
});

describe('an abort', () => {
  test('before the first batch marks nothing', async () => {
    await seedSilent(3);
    const { sweeper } = testSweeper(database.db);
    expect(await sweeper.sweep({ trigger: 'manual', signal: AbortSignal.abort() })).toMatchObject({
      stuck: 0,
      failed: 0,
      remaining: 3,
      truncated: true,
    });
    expect(await database.query('SELECT sweep_id FROM sweeper_state')).toEqual([{ sweep_id: null }]);
  });

  test('that came before the start takes no lease from the sweep that has it', async () => {
    await seedSilent(1);
    await database.query(`UPDATE sweeper_state SET sweep_id = 'another'`);
    await testSweeper(database.db).sweeper.sweep({ trigger: 'cron', signal: AbortSignal.abort() });
    expect(await database.query('SELECT sweep_id FROM sweeper_state')).toEqual([{ sweep_id: 'another' }]);
  });

  test('between two batches keeps what was committed, and does not count as a completed sweep', async () => {
    const rows = 40;
    await seedSilent(rows);
    const controller = new AbortController();
    const capture = testSweeper(database.db, { batchRowsMax: 2 });
    // A mark is logged once its batch has committed.
    const push = capture.lines.push.bind(capture.lines);
    capture.lines.push = (...lines) => {
      controller.abort();
      return push(...lines);
    };
    const summary = await capture.sweeper.sweep({ trigger: 'cron', signal: controller.signal });
    const { stuck } = summary;
    expect(summary).toMatchObject({ remaining: rows - stuck, truncated: true });
    expect(stuck).toBeGreaterThan(0);
    expect(stuck).toBeLessThan(rows);
    expect(await stuckIds()).toHaveLength(stuck);
    expect(await database.query('SELECT swept_at FROM sweeper_state')).toEqual([{ swept_at: null }]);
    const next = await testSweeper(database.db).sweeper.sweep({ trigger: 'cron' });
    expect(next).toMatchObject({ stuck: rows - stuck, remaining: 0, truncated: false });
    expect(await database.query('SELECT swept_at FROM sweeper_state')).toEqual([{ swept_at: expect.any(Date) }]);
    expect(await database.query('SELECT sweep_id, stuck, truncated FROM sweeper_sweeps ORDER BY started_at')).toEqual([
      { sweep_id: summary.sweepId, stuck, truncated: true },
      { sweep_id: next.sweepId, stuck: rows - stuck, truncated: false },
    ]);
  });
});

test('a sweep that fails because of the database reports it, and whether trying again may help', async () => {
  await seedSilent(1);
  const { sweeper, events } = testSweeper(database.db.withSchema('nowhere'));
  await expect(sweeper.sweep({ trigger: 'cron' })).rejects.toMatchObject({ code: '42P01' });
  expect(events('sweep.failed')).toMatchObject([{ trigger: 'cron', retryable: true, err: { code: '42P01' } }]);
  expect((await testLedger(database.db).ledger.get('silent-000'))?.status).toBe('in_progress');
});
