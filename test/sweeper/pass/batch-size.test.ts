import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type BatchSize, fullBatchSize, nextBatchSize } from '../../../src/sweeper/pass/batch-size.ts';
import { type Load, nextLoad, noLoad, pauseMsAfter } from '../../../src/sweeper/pass/load.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { notEndedOnce, seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const manual = { trigger: 'manual' } as const;

const after = (start: BatchSize, outcomes: string, batchRowsMax = 1000) =>
  [...outcomes].reduce(
    (size, letter) => nextBatchSize(size, letter === 't' ? 'timeout' : 'success', batchRowsMax),
    start,
  );

describe('the size of a batch', () => {
  test.each([
    ['one timeout may be chance', 't', 1000],
    ['two in a row halve it', 'tt', 500],
    ['each further one halves it again', 'tttt', 125],
    ['a success between begins the count anew', 'tst', 1000],
    ['it grows back after eight successes in a row, step by step', `tttt${'s'.repeat(8)}`, 250],
    ['all the way, and no further', `tttt${'s'.repeat(80)}`, 1000],
    ['seven are too few', `tt${'s'.repeat(7)}`, 500],
    ['a timeout between begins that count anew', `tt${'s'.repeat(7)}t${'s'.repeat(7)}`, 500],
    ['one row is the least', 't'.repeat(40), 1],
  ])('%s', (_, outcomes, rows) => {
    expect(after(fullBatchSize(1000), outcomes).rowsMax).toBe(rows);
  });

  test('stays between one row and SWEEP_BATCH_SIZE, and returns to the latter, whatever happens', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.array(fc.constantFrom('t', 's')), (max, outcomes) => {
        const size = after(fullBatchSize(max), outcomes.join(''), max);
        expect(size.rowsMax).toBeGreaterThanOrEqual(1);
        expect(size.rowsMax).toBeLessThanOrEqual(max);
        expect(after(size, 's'.repeat(8 * 15), max).rowsMax).toBe(max);
      }),
    );
  });
});

test('a batch that was quick is followed by no pause, a slow one by as long a pause as it took, up to five seconds', () => {
  const load: Load = { ...noLoad, quickMsPerRow: 0.02 };
  const time = fc.double({ min: 0, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), time, time, (rows, a, b) => {
      const [less, more] = [Math.min(a, b), Math.max(a, b)];
      expect(pauseMsAfter(load, rows, less)).toBeLessThanOrEqual(pauseMsAfter(load, rows, more));
      expect(pauseMsAfter(load, rows, more)).toBeLessThanOrEqual(Math.min(more, 5_000));
      expect(pauseMsAfter(noLoad, rows, more)).toBe(0);
    }),
  );
  expect(pauseMsAfter(load, 1000, 80)).toBe(0);
  expect(pauseMsAfter(load, 1000, 90)).toBe(90);
  expect(pauseMsAfter(load, 10, 30)).toBe(30);
});

describe('the load that others put on the database', () => {
  const seen = (...batches: readonly (readonly [rows: number, tookMs: number, others?: number])[]) =>
    batches.reduce((load: Load, [rows, tookMs, others = 0]) => nextLoad(load, { rows, tookMs, others }), noLoad);
  const quick = [1000, 40] as const;
  const slow = [quick, [1000, 150], [1000, 150]] as const;
  const easy = (count: number) => Array.from({ length: count }, () => [250, 12] as const);

  test.each([
    ['is none while a thousand rows take forty to a hundred milliseconds', seen(quick, [1000, 70], [1000, 100]), false],
    [
      'is none on a slow machine, all of whose batches take as long',
      seen([1000, 400], [1000, 450], [1000, 500]),
      false,
    ],
    ['is not seen in one batch that takes four times as long', seen(quick, [1000, 160], quick, [1000, 160]), false],
    ['is seen in two of them in a row', seen(quick, [1000, 160], [1000, 160]), true],
    ['stays while small batches are slower than alone', seen(...slow, ...easy(15), [250, 50], ...easy(15)), true],
    ['is over after sixteen in a row that were not', seen(...slow, ...easy(16)), false],
    ['is over on a database that became slower for good', seen(quick, ...Array(200).fill([1000, 160])), false],
    ['is seen where others are writing, however quick the batches are', seen([1000, 30, 1], [1000, 30, 2]), true],
    ['stays as long as others are seen among the batches', seen(...slow, ...easy(15), [250, 8, 1], ...easy(15)), true],
    ['is not seen in a few rows, which take their round trips', seen(quick, [2, 20], [2, 20]), false],
  ])('%s', (_, load, isLoaded) => {
    expect(load.isLoaded).toBe(isLoaded);
  });

  test('makes a sweep go on in batches of 250 rows, one after the other', async () => {
    await seedFleet(database, { rows: 4000, silentSeconds: 700 });
    // From the third on a batch takes half a second longer, and on a busy machine many times as long as the first two.
    await database.query('CREATE TABLE quick_batches (seconds float8)');
    await database.query(`CREATE FUNCTION busy() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE slowest float8; quick int;
      BEGIN
        SELECT count(*), max(seconds) INTO quick, slowest FROM quick_batches;
        IF quick >= 2 THEN PERFORM pg_sleep(greatest(0.5, 8 * slowest));
        ELSE INSERT INTO quick_batches VALUES (extract(epoch FROM clock_timestamp() - statement_timestamp())); END IF;
        RETURN NULL;
      END $$`);
    await database.query('CREATE TRIGGER busy AFTER UPDATE ON delegations FOR EACH STATEMENT EXECUTE FUNCTION busy()');
    const { sweeper } = testSweeper(database.db, { batchRowsMax: 500 });
    const { stuck, batches } = await sweeper.sweep(manual);
    expect(stuck).toBe(4000);
    // The first two are quick and two more show it: these had five hundred at the most.
    expect(batches).toBeGreaterThan(4);
    await seedFleet(database, { rows: 1000, silentSeconds: 700 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1000, batches: 4 });
  });

  test('is seen in the locks of writing sessions: a sweep at the same time uses small batches', async () => {
    const id = await seedDelegation(database);
    const writer = await database.connect();
    await writer.query('BEGIN');
    await writer.query('UPDATE delegations SET last_heartbeat = clock_timestamp() WHERE delegation_id = $1', [id]);
    await seedFleet(database, { rows: 4000, silentSeconds: 700 });
    const { sweeper } = testSweeper(database.db, { batchRowsMax: 500 });
    const { stuck, batches } = await sweeper.sweep(manual);
    expect(stuck).toBe(4000);
    // Some of five hundred until it decides, on a busy machine a few more; undisturbed it takes eight.
    expect(batches).toBeGreaterThan(8);
    await seedFleet(database, { rows: 1000, silentSeconds: 700 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1000, batches: 4 });
    await writer.query('ROLLBACK');
    await writer.end();
  });
});

describe('a database that does not finish a batch in time', () => {
  /** Marking each row takes this long. */
  async function slow(ms: number): Promise<void> {
    await database.query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_sleep(${ms / 1000}); RETURN NEW; END $$`);
    await database.query('CREATE TRIGGER slow BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION slow()');
  }

  test('gets smaller batches, also from the next sweep, and larger ones when it is fast enough', async () => {
    await seedFleet(database, { rows: 24, silentSeconds: 700 });
    await slow(200);
    const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 8, statementLimitMs: 1_300 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 24, poisoned: 0, remaining: 0 });
    // By now in batches of two or four: none of eight is tried, though there are enough rows.
    await seedFleet(database, { rows: 8, silentSeconds: 700 });
    const { batches } = await sweeper.sweep(manual);
    expect(batches).toBeGreaterThanOrEqual(2);
    expect(events('sweep.failed')).toEqual([]);
    await database.query('DROP TRIGGER slow ON delegations');
    await seedFleet(database, { rows: 300, silentSeconds: 700 });
    await sweeper.sweep(manual);
    await seedFleet(database, { rows: 80, silentSeconds: 700 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 80, batches: 10 });
    expect(await notEndedOnce(database)).toEqual([]);
  });

  test('with one row only stops no other row: that row is poisoned', async () => {
    const id = await seedDelegation(database, { silentSeconds: 800 });
    await seedFleet(database, { rows: 20, silentSeconds: 700 });
    await database.query(`CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$`);
    await database.query(`CREATE TRIGGER stall BEFORE UPDATE ON delegations FOR EACH ROW
      WHEN (OLD.delegation_id = '${id}') EXECUTE FUNCTION stall()`);
    const { sweeper, events } = testSweeper(database.db, { statementLimitMs: 900 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 20, poisoned: 1, remaining: 1 });
    expect(events('sweep.poisoned')).toMatchObject([{ delegationId: id, err: { code: '57014' } }]);
  });

  test('with any row ends the pass after a few tries, and no row is taken for poisoned', async () => {
    await seedFleet(database, { rows: 200, silentSeconds: 700 });
    await slow(5_000);
    const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 50, statementLimitMs: 400 });
    await expect(sweeper.sweep(manual)).rejects.toMatchObject({ code: '57014' });
    expect(events('sweep.failed')).toMatchObject([{ retryable: true }]);
    expect(events('sweep.poisoned')).toEqual([]);
  });
});
