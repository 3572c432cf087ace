import { expect, test } from '@jest/globals';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { countByStatus, notEndedOnce, seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });

/** Every update of these rows raises. */
async function poison(...ids: string[]): Promise<void> {
  await database.query(`CREATE TABLE poisoned (delegation_id text)`);
  await database.query(`INSERT INTO poisoned SELECT unnest($1::text[])`, [ids]);
  await database.query(`
    CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM poisoned p WHERE p.delegation_id = NEW.delegation_id) THEN
        RAISE EXCEPTION 'poisoned % of %', NEW.delegation_id, NEW.task_preview USING ERRCODE = 'P0666';
      END IF;
      RETURN NEW;
    END $$`);
  await database.query('CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION poison()');
}

const heal = () => database.query('DELETE FROM poisoned');
/** As if what was logged had been logged that long ago. */
const ageNotices = (minutes: number) =>
  database.query(`UPDATE sweeper_notices SET noticed_at = noticed_at - $1::int * interval '1 minute'`, [minutes]);
const knownPoisons = () => database.query(`SELECT subject FROM sweeper_notices WHERE kind = 'poisoned'`);
const manual = { trigger: 'manual' } as const;

test('a poisoned row is logged once an hour by all replicas together, and counted by every sweep', async () => {
  const id = await seedDelegation(database, { silentSeconds: 700 });
  await poison(id);
  const replicas = [testSweeper(database.db), testSweeper(database.db)];
  const said = () => replicas.flatMap(({ events }) => events('sweep.poisoned'));
  const sweepAll = async () => {
    for (const { sweeper } of [...replicas, ...replicas]) {
      expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 0, poisoned: 1, remaining: 1, truncated: false });
    }
  };

  await sweepAll();
  expect(said()).toHaveLength(1);
  expect(said()[0]).toMatchObject({ level: 'error', rule: 'stale', delegationId: id, err: { code: 'P0666' } });
  await ageNotices(59);
  await sweepAll();
  expect(said()).toHaveLength(1);
  await ageNotices(1);
  await sweepAll();
  expect(said()).toHaveLength(2);
  expect(replicas.flatMap(({ events }) => events('sweep.completed')).map(({ poisoned }) => poisoned)).toEqual(
    Array(12).fill(1),
  );
});

test('all others are marked, also those in a batch with several poisoned rows, and under both rules', async () => {
  const prefix = await seedFleet(database, { rows: 300, silentSeconds: 700 });
  const late = await seedFleet(database, { rows: 100, deadlineSeconds: -5 });
  const poisoned = [0, 1, 77, 150, 299].map((i) => `${prefix}${String(i).padStart(8, '0')}`);
  poisoned.push(`${late}00000050`);
  await poison(...poisoned);
  const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 64 });
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 295, failed: 99, poisoned: 6, remaining: 6 });
  expect(
    events('sweep.poisoned')
      .map(({ delegationId }) => delegationId)
      .sort(),
  ).toEqual([...poisoned].sort());
  expect(await countByStatus(database)).toEqual({ stuck: 295, failed: 99, in_progress: 6 });
  expect(await notEndedOnce(database)).toEqual([]);

  // Known by now, so that they do not affect other rows.
  await seedFleet(database, { rows: 128, silentSeconds: 700 });
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 128, poisoned: 6, batches: 2 });
});

test('a poisoned row that is healed is marked by the next sweep and no longer listed, and logged again when it is poisoned again', async () => {
  const id = await seedDelegation(database, { silentSeconds: 700 });
  const other = await seedDelegation(database, { silentSeconds: 700 });
  await poison(id, other);
  const { sweeper, events } = testSweeper(database.db);
  await sweeper.sweep(manual);
  await database.query('DELETE FROM poisoned WHERE delegation_id = $1', [id]);
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, poisoned: 1 });
  expect(await knownPoisons()).toEqual([{ subject: other }]);
  await heal();
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, poisoned: 0, remaining: 0 });
  expect(await knownPoisons()).toEqual([]);

  const again = await seedDelegation(database, { silentSeconds: 700 });
  await database.query('INSERT INTO poisoned VALUES ($1)', [again]);
  await sweeper.sweep(manual);
  expect(
    events('sweep.poisoned')
      .map(({ delegationId }) => delegationId)
      .sort(),
  ).toEqual([again, id, other].sort());
});

test('a poisoned row that a sweep did not try stays listed, and is not logged again within its hour', async () => {
  const prefix = await seedFleet(database, { rows: 4, silentSeconds: 700 });
  const ids = [1, 2].map((i) => `${prefix}0000000${i}`);
  await poison(...ids);
  const { sweeper, events } = testSweeper(database.db);
  await sweeper.sweep(manual);
  expect(events('sweep.poisoned')).toHaveLength(2);
  // One is healed and uses up a sweep's whole budget before the other is tried.
  await database.query('DELETE FROM poisoned WHERE delegation_id = $1', [ids[0]]);
  await testSweeper(database.db, { rowsMax: 1 }).sweeper.sweep(manual);
  const replica = testSweeper(database.db);
  await replica.sweeper.sweep(manual);
  expect(replica.events('sweep.poisoned')).toEqual([]);
});

test('when every row raises, none is poisoned: the sweep gives up, reports it, and goes on when it is over', async () => {
  const prefix = await seedFleet(database, { rows: 400, silentSeconds: 700 });
  await poison(...Array.from({ length: 400 }, (_, i) => `${prefix}${String(i).padStart(8, '0')}`));
  const { sweeper, events } = testSweeper(database.db);
  await expect(sweeper.sweep(manual)).rejects.toThrow('poisoned');
  expect(events('sweep.failed')).toEqual([
    expect.objectContaining({ retryable: false, err: expect.objectContaining({ code: 'P0666' }) }),
  ]);
  expect(events('sweep.poisoned').length).toBeLessThan(150);
  await heal();
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 400, poisoned: 0, remaining: 0 });
  expect(await notEndedOnce(database)).toEqual([]);
});

test('a row whose trigger misses a table stops no other, though the same error could mean a missing ledger', async () => {
  const prefix = await seedFleet(database, { rows: 20, silentSeconds: 700 });
  const id = `${prefix}00000007`;
  await database.query(`
    CREATE FUNCTION miss() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM FROM no_such_table; RETURN NEW; END $$`);
  await database.query(`
    CREATE TRIGGER miss BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (OLD.delegation_id = '${id}') EXECUTE FUNCTION miss()`);
  const { sweeper, events } = testSweeper(database.db);
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 19, poisoned: 1, remaining: 1 });
  expect(events('sweep.poisoned')).toMatchObject([{ delegationId: id, err: { code: '42P01' } }]);
});

/** These are known to raise, as if an earlier sweep had found them. */
const know = (prefix: string) =>
  database.query(
    `INSERT INTO sweeper_notices (kind, subject, noticed_at)
     SELECT 'poisoned', delegation_id, now() FROM delegations WHERE starts_with(delegation_id, $1)`,
    [prefix],
  );

/** Every update of a row with this prefix raises. */
async function poisonAll(prefix: string): Promise<void> {
  await database.query(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'poisoned'; END $$`);
  await database.query(`CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (OLD.delegation_id LIKE '${prefix}%') EXECUTE FUNCTION poison()`);
}

test('with more known poisoned rows than a list holds every healthy row is still swept, under either rule', async () => {
  const bad = await seedFleet(database, { rows: 12_000, silentSeconds: 900 });
  const lateBad = await seedFleet(database, { rows: 200, deadlineSeconds: -60 });
  const good = await seedFleet(database, { rows: 30, silentSeconds: 700 });
  const lateGood = await seedFleet(database, { rows: 20, deadlineSeconds: -5 });
  await know(bad);
  await know(lateBad);
  await database.query(
    `UPDATE delegations SET callee_id = 'bad' WHERE delegation_id LIKE $1 || '%' OR delegation_id LIKE $2 || '%'`,
    [bad, lateBad],
  );
  await database.query(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'poisoned'; END $$`);
  await database.query(`CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (OLD.callee_id = 'bad') EXECUTE FUNCTION poison()`);
  const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 100 });
  const plan = await sweeper.dryRun();
  expect(plan).toMatchObject({ stuck: 30, failed: 20, poisoned: 10_200 });
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 30, failed: 20, batches: 2, remaining: 10_000 });
  expect(events('sweep.failed')).toEqual([]);
  expect(await countByStatus(database, good)).toEqual({ stuck: 30 });
  expect(await countByStatus(database, lateGood)).toEqual({ failed: 20 });
  expect(await knownPoisons()).toHaveLength(12_200);
});

test('with thousands of unknown ones the batches without any succeed in the first sweep', async () => {
  const bad = await seedFleet(database, { rows: 2000, silentSeconds: 900 });
  const good = await seedFleet(database, { rows: 200, silentSeconds: 700 });
  await poisonAll(bad);
  const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 100 });
  await expect(sweeper.sweep(manual)).rejects.toThrow('poisoned');
  expect(await countByStatus(database, good)).toEqual({ stuck: 200 });
  expect(events('sweep.failed')).toMatchObject([{ retryable: false, err: { code: 'P0001' } }]);
});

test('known poisoned rows are tried in transactions of at most SWEEP_BATCH_SIZE', async () => {
  const prefix = await seedFleet(database, { rows: 25, silentSeconds: 700 });
  await know(prefix);
  const { sweeper } = testSweeper(database.db, { batchRowsMax: 10 });
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 25, batches: 3, remaining: 0 });
  const sizes = await database.query(
    `SELECT count(*)::int AS rows FROM activity_logs WHERE to_status = 'stuck' GROUP BY xmin::text ORDER BY 1`,
  );
  expect(sizes).toEqual([{ rows: 5 }, { rows: 10 }, { rows: 10 }]);
  expect(await knownPoisons()).toEqual([]);
});

test('a known poisoned row that another session has locked stays listed', async () => {
  const id = await seedDelegation(database, { silentSeconds: 700 });
  await poison(id);
  const { sweeper } = testSweeper(database.db);
  await sweeper.sweep(manual);
  const holder = await database.connect();
  await holder.query(`BEGIN; SELECT FROM delegations WHERE delegation_id = '${id}' FOR UPDATE`);
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 0, remaining: 1 });
  expect(await knownPoisons()).toEqual([{ subject: id }]);
  await holder.query('ROLLBACK');
  expect(await sweeper.sweep(manual)).toMatchObject({ poisoned: 1 });
  await heal();
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, poisoned: 0 });
  expect(await knownPoisons()).toEqual([]);
});

test('a known poisoned row that no rule matches any more is no longer listed, whichever client ended it', async () => {
  const id = await seedDelegation(database, { silentSeconds: 700 });
  await poison(id);
  const { sweeper } = testSweeper(database.db);
  await sweeper.sweep(manual);
  await heal();
  await testLedger(database.db).ledger.setStatus(id, 'completed');
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 0, poisoned: 0 });
  expect(await knownPoisons()).toEqual([]);
});
