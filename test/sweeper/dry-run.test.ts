import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Status } from '../../src/ledger/transitions.ts';
import { deleteRows } from '../support/delete-rows.ts';
import { seedDelegation, testSweeper } from '../support/fixtures.ts';
import { seedSpecial } from '../support/seed-special.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });

/** Every row of every table, with the transaction that wrote it. */
async function content(): Promise<unknown> {
  const tables = [
    'delegations',
    'activity_logs',
    'sweeper_state',
    'sweeper_gaps',
    'sweeper_sweeps',
    'sweeper_holds',
    'sweeper_notices',
  ];
  const rows = tables.map((table) =>
    database.query(`SELECT t.xmin::text, t.xmax::text, t::text FROM ${table} t ORDER BY 3`),
  );
  return Promise.all(rows);
}

describe('a dry run', () => {
  test('names every row that a sweep would mark, with the reason, oldest first, and changes nothing', async () => {
    const silent = [
      await seedDelegation(database, { silentSeconds: 9000 }),
      await seedDelegation(database, { silentSeconds: 700 }),
    ];
    const overdue = [
      await seedDelegation(database, { status: 'queued', deadlineSeconds: -600 }),
      await seedDelegation(database, { silentSeconds: 9000, deadlineSeconds: -5 }),
    ];
    await seedDelegation(database);
    await seedDelegation(database, { status: 'completed', deadlineSeconds: -5 });
    const before = await content();
    const { sweeper, lines } = testSweeper(database.db);
    const plan = await sweeper.dryRun();
    expect(await content()).toEqual(before);
    expect(lines).toEqual([]);
    expect(plan).toMatchObject({
      dryRun: true,
      stuck: 2,
      failed: 2,
      remaining: 0,
      batches: 2,
      truncated: false,
      held: false,
    });
    expect(plan.rows.map(({ delegationId, rule }) => [rule, delegationId])).toEqual([
      ...overdue.map((id) => ['overdue', id]),
      ...silent.map((id) => ['stale', id]),
    ]);
    const lateness = plan.rows.map((row) => (row.rule === 'overdue' ? row.overdueMs : row.silentMs));
    for (const [index, seconds] of [600, 5, 9000, 700].entries()) {
      expect(Math.floor(lateness[index]! / 10_000)).toBe(Math.floor(seconds / 10));
    }

    const swept = await sweeper.sweep({ trigger: 'manual' });
    expect(swept).toMatchObject({
      stuck: plan.stuck,
      failed: plan.failed,
      batches: plan.batches,
      dryRun: false,
      rows: [],
    });
    const marks = ['delegation.deadline_exceeded', 'delegation.stuck'] as const;
    const marked = lines.filter(({ event }) => (marks as readonly unknown[]).includes(event));
    expect(marked.map(({ delegationId }) => delegationId)).toEqual([...overdue, ...silent]);
  });

  test('respects the budget, and counts what is left', async () => {
    for (let row = 0; row < 5; row += 1) await seedDelegation(database, { silentSeconds: 700 + row });
    const { sweeper } = testSweeper(database.db, { rowsMax: 3, batchRowsMax: 2 });
    const plan = await sweeper.dryRun();
    expect(plan).toMatchObject({ stuck: 3, batches: 2, remaining: 2, truncated: true });
    expect(plan.rows).toHaveLength(3);
  });

  test('leaves out the rows whose update is known to raise, and counts them', async () => {
    const bad = await seedDelegation(database, { silentSeconds: 9000 });
    const good = await seedDelegation(database, { silentSeconds: 700 });
    await raiseOn([bad]);
    const { sweeper } = testSweeper(database.db);
    expect((await sweeper.dryRun()).rows.map(({ delegationId }) => delegationId)).toEqual([bad, good]);
    await sweeper.sweep({ trigger: 'manual' });
    const plan = await sweeper.dryRun();
    expect(plan).toMatchObject({ stuck: 0, poisoned: 1, remaining: 1, truncated: false, batches: 0, rows: [] });
    const swept = await sweeper.sweep({ trigger: 'manual' });
    expect(swept).toMatchObject({ stuck: 0, poisoned: 1, remaining: 1, truncated: false, batches: 0 });
  });

  test('gives a stalled row time to be heard where a sweep does, though the sweep has marked others before', async () => {
    // Four delegations may be stalled, and of these the sweep marks one for its silence and one for its deadline.
    await seedSpecial(database, { stalledAfterMs: 15_000 });
    await seedSpecial(database, { stalledAfterMs: 15_000, stuckAfterMs: 15_000, silentSeconds: 20, enteredSeconds: 0 });
    await seedSpecial(database, { stalledAfterMs: 15_000, deadlineSeconds: -5 });
    const stalled = await seedSpecial(database, { stalledAfterMs: 15_000, silentSeconds: 10, enteredSeconds: 20 });
    const storm = { minStale: 4, ratio: 0.5, maxHoldMs: 300_000, minCallees: 1 };
    const { sweeper, events } = testSweeper(database.db, { storm });
    const plan = await sweeper.dryRun();
    expect(plan.rows.map(({ rule }) => rule)).toEqual(['overdue', 'stale']);
    const { stuck, failed } = await sweeper.sweep({ trigger: 'manual' });
    expect({ stuck, failed }).toEqual({ stuck: plan.stuck, failed: plan.failed });
    expect(events('delegation.stuck').map(({ delegationId }) => delegationId)).not.toContain(stalled);
    expect(events('delegation.stalled')).toEqual([]);
  });

  test('names exactly the rows that a sweep at that instant changes, for any rows', async () => {
    const shape = fc.record({
      silentSeconds: fc.option(fc.integer({ min: 0, max: 2000 })),
      deadlineSeconds: fc.integer({ min: -3000, max: 3000 }),
      status: fc.constantFrom('queued', 'dispatched', 'in_progress', 'completed'),
      isBad: fc.boolean(),
      isKnown: fc.boolean(),
    });
    const state = fc.record({
      rows: fc.array(shape, { maxLength: 12 }),
      rowsMax: fc.integer({ min: 1, max: 8 }),
      batchRowsMax: fc.integer({ min: 1, max: 5 }),
      ratio: fc.constantFrom(0, 1),
    });
    await raiseOn([]);
    await fc.assert(
      fc.asyncProperty(state, async ({ rows, rowsMax, batchRowsMax, ratio }) => {
        await deleteRows(database, ['delegations', 'activity_logs', 'sweeper_notices', 'bad']);
        await database.query('UPDATE sweeper_state SET storm_held_since = NULL, storm_released_at = NULL');
        for (const { isBad, isKnown, ...row } of rows) {
          const id = await seedDelegation(database, { ...row, status: row.status as Status });
          // One that is not known is named, since only a sweep finds out.
          if (isKnown) await database.query(`INSERT INTO sweeper_notices VALUES ('poisoned', $1, now())`, [id]);
          if (isBad && isKnown) await database.query('INSERT INTO bad VALUES ($1)', [id]);
          // Known, and healed meanwhile: the next sweep tries it again, which a dry run cannot do.
          if (!isBad && isKnown) await database.query(`DELETE FROM sweeper_notices WHERE subject = $1`, [id]);
        }
        const storm = { minStale: 3, ratio, maxHoldMs: 1_800_000 };
        const { sweeper, lines } = testSweeper(database.db, { rowsMax, batchRowsMax, storm });
        const plan = await sweeper.dryRun();
        const swept = await sweeper.sweep({ trigger: 'manual' });
        const marked = lines.filter(({ delegationId, event }) => delegationId && event !== 'sweep.poisoned');
        expect(plan.rows.map(({ delegationId }) => delegationId).toSorted()).toEqual(
          marked.map(({ delegationId }) => delegationId).toSorted(),
        );
        const { stuck, failed, poisoned, remaining, held } = swept;
        expect(plan).toMatchObject({ stuck, failed, remaining, held });
        // A sweep that has used up its budget tries no more poisoned rows.
        expect(plan.poisoned).toBeGreaterThanOrEqual(poisoned);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});

/** Updates of the rows in the table `bad` raise. */
async function raiseOn(ids: readonly string[]): Promise<void> {
  await database.query('CREATE TABLE bad (delegation_id text)');
  await database.query('INSERT INTO bad SELECT unnest($1::text[])', [ids]);
  await database.query(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF EXISTS (SELECT FROM bad b WHERE b.delegation_id = NEW.delegation_id) THEN RAISE EXCEPTION 'poisoned'; END IF;
      RETURN NEW;
    END $$`);
  await database.query('CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION poison()');
}
