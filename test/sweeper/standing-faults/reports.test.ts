import { expect, test } from '@jest/globals';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const manual = { trigger: 'manual' } as const;

/** Another session holds this lock until the returned function is called. */
async function hold(lock: string): Promise<() => Promise<void>> {
  const keeper = await database.connect();
  await keeper.query('BEGIN');
  await keeper.query(lock);
  return () => keeper.end();
}

const reportsFailed = (events: ReturnType<typeof testSweeper>['events']) =>
  events('sweep.report_failed').map(({ report, err }) => [report, (err as { code: string }).code]);

test('notices that cannot be written fail no sweep: it is closed and logged first, then each report fails alone', async () => {
  const poisoned = await seedDelegation(database, { silentSeconds: 800 });
  await seedFleet(database, { rows: 5, silentSeconds: 700 });
  await database.query(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'poisoned'; END $$`);
  await database.query(`CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (OLD.delegation_id = '${poisoned}') EXECUTE FUNCTION poison()`);
  const release = await hold('LOCK TABLE sweeper_notices IN SHARE MODE');
  const { sweeper, events, lines } = testSweeper(database.db);
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 5, poisoned: 1, remaining: 1 });
  expect(events('sweep.failed')).toEqual([]);
  expect(events('sweep.completed')).toHaveLength(1);
  expect(reportsFailed(events)).toEqual([
    ['poisoned', '57014'],
    ['daily', '57014'],
    ['pruning', '57014'],
  ]);
  const order = lines.map(({ event }) => event);
  expect(order.indexOf('sweep.completed')).toBeLessThan(order.indexOf('sweep.report_failed'));
  expect(
    await database.query('SELECT stuck, swept_at IS NOT NULL AS swept FROM sweeper_sweeps, sweeper_state'),
  ).toEqual([{ stuck: 5, swept: true }]);
  await release();
  await sweeper.sweep(manual);
  expect(events('sweep.poisoned')).toMatchObject([{ delegationId: poisoned }]);
});

test('notices that cannot be read delay no sweep: it goes on without the list of poisoned rows', async () => {
  await seedFleet(database, { rows: 5, silentSeconds: 700 });
  const release = await hold('LOCK TABLE sweeper_notices IN ACCESS EXCLUSIVE MODE');
  const { sweeper, events } = testSweeper(database.db);
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 5, remaining: 0 });
  expect(reportsFailed(events)[0]).toEqual(['suspects', '57014']);
  await release();
});

test('a report whose table is missing is logged, and the others follow', async () => {
  await seedFleet(database, { rows: 2, silentSeconds: 700 });
  await database.query('ALTER TABLE sweeper_notices DROP COLUMN noticed_at');
  const { sweeper, events } = testSweeper(database.db);
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 2 });
  expect(reportsFailed(events)).toEqual([
    ['suspects', '42703'],
    ['daily', '42703'],
    ['pruning', '42703'],
  ]);
});
