import { describe, expect, test } from '@jest/globals';
import { seedDelegation, testSweeper } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });

/** Every row of every table, with the transaction that wrote it. */
async function content(): Promise<unknown> {
  const tables = ['delegations', 'activity_logs', 'sweeper_state', 'sweeper_gaps', 'sweeper_sweeps', 'sweeper_notices'];
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
    const lateness = plan.rows.map((row) => (row.rule === 'stale' ? row.silentMs : row.overdueMs));
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

  test('keeps to the budget, and says what is left', async () => {
    for (let row = 0; row < 5; row += 1) await seedDelegation(database, { silentSeconds: 700 + row });
    const { sweeper } = testSweeper(database.db, { rowsMax: 3, batchRowsMax: 2 });
    const plan = await sweeper.dryRun();
    expect(plan).toMatchObject({ stuck: 3, batches: 2, remaining: 2, truncated: true });
    expect(plan.rows).toHaveLength(3);
  });
});
