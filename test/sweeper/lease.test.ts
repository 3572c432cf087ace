import { describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/db/database.ts';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

/** Makes updates wait until the returned function is called. */
async function holdUpdates(where: string): Promise<() => Promise<void>> {
  await database.query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN NEW; END $$`);
  await database.query(`CREATE TRIGGER slow BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (${where}) EXECUTE FUNCTION slow()`);
  const keeper = await database.connect();
  await keeper.query('SELECT pg_advisory_lock(77)');
  return () => keeper.end();
}

describe("a sweep's lease", () => {
  test('passes to the newer sweep: the older ends at its next batch, and nothing is marked twice', async () => {
    const ids: string[] = [];
    for (let row = 0; row < 40; row += 1)
      ids.push(await seedDelegation(database, { silentSeconds: 40_000 - row * 400 }));
    await using slow = openDatabase({
      location: { url: database.url },
      max: 4,
      applicationName: 'older',
      queryTimeoutMs: 0,
      schema: 'public',
    });
    const release = await holdUpdates(`current_setting('application_name') = 'older'`);
    const older = testSweeper(slow.db, { batchRowsMax: 2 });
    const newer = testSweeper(database.db, { batchRowsMax: 2 });
    const first = older.sweeper.sweep({ trigger: 'cron' });
    await waitUntilWaiting(database, 1);
    const second = await newer.sweeper.sweep({ trigger: 'startup' });
    await release();
    const superseded = await first;

    expect(second).toMatchObject({ stuck: ids.length - second.remaining, truncated: false });
    expect(second.stuck).toBeGreaterThan(0);
    expect(superseded).toMatchObject({ stuck: second.remaining, remaining: 0, truncated: true });
    expect(older.events('sweep.superseded')).toMatchObject([
      { sweepId: superseded.sweepId, bySweepId: second.sweepId },
    ]);
    expect(newer.events('sweep.superseded')).toEqual([]);
    const marked = await database.query<{ delegation_id: string }>(
      `SELECT delegation_id FROM activity_logs WHERE event = 'delegation.stuck'`,
    );
    expect(marked.map((row) => row.delegation_id).toSorted()).toEqual(ids.toSorted());
    const logged = [...older.events('delegation.stuck'), ...newer.events('delegation.stuck')];
    expect(logged.map(({ delegationId }) => delegationId).toSorted()).toEqual(ids.toSorted());
  });

  test('that was lost before a rule began stops that rule from marking', async () => {
    const overdue = await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 });
    const silent = await seedDelegation(database, { silentSeconds: 700 });
    const release = await holdUpdates(`OLD.delegation_id = '${overdue}'`);
    const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 1 });
    const sweeping = sweeper.sweep({ trigger: 'cron' });
    await waitUntilWaiting(database, 1);
    await database.query(`UPDATE sweeper_state SET sweep_id = 'a newer one'`);
    await release();
    expect(await sweeping).toMatchObject({ failed: 1, stuck: 0, remaining: 1, truncated: true });
    expect(events('sweep.superseded')).toMatchObject([{ bySweepId: 'a newer one' }]);
    expect((await testLedger(database.db).ledger.get(silent))?.status).toBe('in_progress');
  });

  test('is not taken by a dry run', async () => {
    const ids = [
      await seedDelegation(database, { silentSeconds: 1700 }),
      await seedDelegation(database, { silentSeconds: 700 }),
    ];
    const release = await holdUpdates(`OLD.delegation_id = '${ids[0]}'`);
    const sweeping = testSweeper(database.db, { batchRowsMax: 1 }).sweeper.sweep({ trigger: 'cron' });
    await waitUntilWaiting(database, 1);
    expect(await testSweeper(database.db).sweeper.dryRun()).toMatchObject({ dryRun: true });
    await release();
    expect(await sweeping).toMatchObject({ stuck: 2, truncated: false });
  });

  test('lets one of many simultaneous sweeps go through, and every row is marked once by then', async () => {
    const rows = 120;
    for (let row = 0; row < rows; row += 1) await seedDelegation(database, { silentSeconds: 700 + row * 30 });
    const sweepers = Array.from({ length: 6 }, () => testSweeper(database.db, { batchRowsMax: 7 }));
    const summaries = await Promise.all(sweepers.map(({ sweeper }) => sweeper.sweep({ trigger: 'cron' })));
    // Without another sweep after them: what those marked that were superseded, and the rest, which the last one has.
    const through = summaries.filter(({ truncated }) => !truncated);
    expect(through.length).toBeGreaterThan(0);
    expect(summaries.reduce((sum, { stuck }) => sum + stuck, 0)).toBe(rows);
    const cutShort = sweepers.flatMap(({ events }) => events('sweep.superseded'));
    expect(cutShort).toHaveLength(summaries.length - through.length);
    expect(
      await database.query(`SELECT count(*)::int AS n FROM activity_logs WHERE event = 'delegation.stuck'`),
    ).toEqual([{ n: rows }]);
  });
});
