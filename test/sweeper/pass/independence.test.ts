import { describe, expect, test } from '@jest/globals';
import { afterRefusal } from '../../../src/sweeper/pass/poison.ts';
import { failingMarks } from '../../support/faults.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { countByStatus, notEndedOnce, seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const manual = { trigger: 'manual' } as const;

/** Updates raise this SQLSTATE where the condition on OLD holds. */
async function raise(sqlstate: string, where: string): Promise<void> {
  await database.query(`CREATE FUNCTION raise_it() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '${sqlstate}'; END $$`);
  await database.query(`CREATE TRIGGER raise_it BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (${where}) EXECUTE FUNCTION raise_it()`);
}

describe('one row whose update raises an error that looks like a passing one', () => {
  test.each(['40001', '40P01', '55P03', '57014', 'XX000', 'XX001', '58030', '42P01', '3F000', '55006', '0A000'])(
    '%s: only it is poisoned, and under neither rule another row waits for it',
    async (sqlstate) => {
      const bad = await seedDelegation(database, { status: 'queued', deadlineSeconds: -600 });
      for (let row = 0; row < 5; row += 1) await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 });
      await seedFleet(database, { rows: 30, silentSeconds: 700 });
      await raise(sqlstate, `OLD.delegation_id = '${bad}'`);
      const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 10 });
      const expected = { failed: 5, stuck: 30, poisoned: 1, remaining: 1, truncated: false };
      expect(await sweeper.sweep(manual)).toMatchObject(expected);
      expect(events('sweep.poisoned')).toMatchObject([{ delegationId: bad, rule: 'overdue', err: { code: sqlstate } }]);
      expect(events('sweep.failed')).toEqual([]);
      expect(await notEndedOnce(database)).toEqual([]);
      // Known from now on.
      await seedFleet(database, { rows: 3, silentSeconds: 700 });
      expect(await sweeper.sweep(manual)).toMatchObject({ failed: 0, stuck: 3, poisoned: 1, batches: 1 });
    },
  );

  test('in the middle of a large batch: the rows on both sides are marked', async () => {
    const prefix = await seedFleet(database, { rows: 200, silentSeconds: 700 });
    await raise('55P03', `OLD.delegation_id IN ('${prefix}00000077', '${prefix}00000078')`);
    expect(await testSweeper(database.db).sweeper.sweep(manual)).toMatchObject({ stuck: 198, poisoned: 2 });
  });

  test('thirty known ones are tried by the next sweep and stop nothing', async () => {
    const prefix = await seedFleet(database, { rows: 30, silentSeconds: 700 });
    await database.query(
      `INSERT INTO sweeper_notices SELECT 'poisoned', delegation_id, now() FROM delegations WHERE starts_with(delegation_id, $1)`,
      [prefix],
    );
    await raise('55P03', `OLD.delegation_id LIKE '${prefix}%'`);
    await seedFleet(database, { rows: 5, silentSeconds: 700 });
    const { sweeper } = testSweeper(database.db, { batchRowsMax: 10 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 5, poisoned: 30, remaining: 30, truncated: false });
  });
});

test.each(['40P01', '55P03', '57014'])(
  'a temporary %s marks no row as poisoned and fails no sweep',
  async (sqlstate) => {
    await seedFleet(database, { rows: 40, silentSeconds: 700 });
    await failingMarks(database, sqlstate, 3);
    const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 10 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 40, poisoned: 0, remaining: 0 });
    expect(events('sweep.poisoned')).toEqual([]);
    expect(await notEndedOnce(database)).toEqual([]);
  },
);

test('an error that every row meets counts as the database’s: the sweep fails and may be tried again, and no row is taken for poisoned', async () => {
  await seedFleet(database, { rows: 400, silentSeconds: 700 });
  await failingMarks(database, '40001', 1_000_000);
  const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 100 });
  await expect(sweeper.sweep(manual)).rejects.toMatchObject({ code: '40001' });
  expect(events('sweep.failed')).toMatchObject([{ retryable: true, err: { code: '40001' } }]);
  expect(events('sweep.poisoned')).toEqual([]);
});

describe('a rule that fails', () => {
  test('does not stop the other: the sweep fails at its end, and what it marked is recorded', async () => {
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -600 });
    await seedFleet(database, { rows: 5, silentSeconds: 700 });
    await raise('53100', `OLD.status = 'queued'`);
    const { sweeper, events } = testSweeper(database.db);
    await expect(sweeper.sweep(manual)).rejects.toMatchObject({ code: '53100' });
    expect(await countByStatus(database)).toEqual({ queued: 1, stuck: 5 });
    expect(events('sweep.failed')).toMatchObject([{ retryable: true, err: { code: '53100' } }]);
    expect(events('sweep.completed')).toEqual([]);
    expect(events('delegation.stuck')).toHaveLength(5);
    const kept = await database.query('SELECT stuck, failed, remaining, truncated, batches FROM sweeper_sweeps');
    expect(kept).toEqual([{ stuck: 5, failed: 0, remaining: 1, truncated: true, batches: 1 }]);
    expect(await database.query('SELECT swept_at FROM sweeper_state')).toEqual([{ swept_at: null }]);
  });

  test('together with the other has each error named', async () => {
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -600 });
    await seedDelegation(database, { silentSeconds: 700 });
    await raise('53100', `OLD.status = 'queued'`);
    await database.query(`CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'another' USING ERRCODE = '53200'; END $$`);
    await database.query(`CREATE TRIGGER other BEFORE UPDATE ON delegations FOR EACH ROW
      WHEN (OLD.status = 'in_progress') EXECUTE FUNCTION other()`);
    const { sweeper, events } = testSweeper(database.db);
    await expect(sweeper.sweep(manual)).rejects.toThrow();
    expect(events('sweep.failed')).toMatchObject([{ retryable: true, err: { message: 'raised; another' } }]);
  });

  test('by the counts of the storm guard does not stop the deadline rule', async () => {
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -600 });
    await seedDelegation(database, { silentSeconds: 700 });
    // Without one of its columns the guard's memory cannot be written.
    await database.query('ALTER TABLE sweeper_state DROP COLUMN storm_watched');
    const { sweeper } = testSweeper(database.db, {
      storm: { minStale: 1, minCallees: 1, ratio: 0.5, maxHoldMs: 60_000 },
    });
    await expect(sweeper.sweep(manual)).rejects.toThrow('storm_watched');
    expect(await countByStatus(database)).toEqual({ failed: 1, in_progress: 1 });
  });
});

describe('what a refusal leads to', () => {
  const error = (code: string | undefined, message = 'refused') => Object.assign(new Error(message), code && { code });
  test.each([
    ['an error of the connection, at once', { err: error('08006'), rows: 1, attempt: 1 }, 'give up'],
    ['a server that shuts down', { err: error('57P01'), rows: 1, attempt: 2, before: error('57P01') }, 'give up'],
    ['a login that is refused', { err: error('28P01'), rows: 9, attempt: 1 }, 'give up'],
    ['resources', { err: error('53200'), rows: 9, attempt: 2, before: error('53200') }, 'give up'],
    ['a read-only server', { err: error('25006'), rows: 9, attempt: 1 }, 'give up'],
    ['a socket', { err: error('ECONNRESET'), rows: 9, attempt: 1 }, 'give up'],
    ['a broken pipe, though its code has five letters', { err: error('EPIPE'), rows: 9, attempt: 1 }, 'give up'],
    ['the client’s own timeout', { err: error(undefined, 'Query read timeout'), rows: 9, attempt: 1 }, 'give up'],
    ['a mistake of this program', { err: new TypeError('x is not a function'), rows: 9, attempt: 1 }, 'give up'],
    ['a deadlock, the first time', { err: error('40P01'), rows: 9, attempt: 1 }, 'again'],
    ['a deadlock, the second time', { err: error('40P01'), rows: 9, attempt: 2, before: error('40P01') }, 'halve'],
    ['another error than before', { err: error('55P03'), rows: 9, attempt: 2, before: error('40P01') }, 'again'],
    ['ever another error', { err: error('40001'), rows: 9, attempt: 3, before: error('55P03') }, 'halve'],
    ['one row, the first time', { err: error('55P03'), rows: 1, attempt: 1 }, 'again'],
    ['one row, the second time', { err: error('55P03'), rows: 1, attempt: 2, before: error('55P03') }, 'poisoned'],
    ['an error of a row', { err: error('P0001'), rows: 9, attempt: 1 }, 'halve'],
    ['an error of this row', { err: error('23514'), rows: 1, attempt: 1 }, 'poisoned'],
    ['many rows that took too long', { err: error('57014'), rows: 9, attempt: 1 }, 'halve'],
    ['one row that took too long', { err: error('57014'), rows: 1, attempt: 1 }, 'again'],
  ] as const)('%s', (_, refusal, verdict) => {
    expect(afterRefusal(refusal)).toBe(verdict);
  });
});
