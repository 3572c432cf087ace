import { expect, test } from '@jest/globals';
import { foldDueSweepsStatement } from '../../../src/sweeper/statements/fold-due-sweeps.ts';
import { StatusReader } from '../../../src/sweeper/status/status-reader.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test', replayed: false });

const reader = () =>
  new StatusReader(database.db, {
    cron: { expression: '* * * * *', timezone: 'UTC' },
    stuckAfterMs: 600_000,
    stormMaxHoldMs: 1_800_000,
  });

/** A sweep that marked one row, so many seconds into a span of five minutes that began an hour ago. */
async function record(second: number, trigger: string, callee: string): Promise<void> {
  const startedAt = `date_bin('5 minutes', clock_timestamp() - interval '1 hour', '1970-01-01 00:00:00+00'::timestamptz) + $2::float8 * interval '1 second'`;
  const mark = { callerId: 'caller', calleeId: callee, rule: 'stale', fromStatus: 'in_progress' };
  await database.query(
    `INSERT INTO sweeper_sweeps (sweep_id, started_at, trigger, stuck, failed, poisoned, remaining, truncated, held, batches,
       duration_ms, unobserved_ms, callees, marks)
     VALUES ($1, ${startedAt}, $3, 1, 2, 0, $2::int, $2::int = 7, false, 1, $2::int, 0, $4::jsonb, $5::jsonb)`,
    [
      `sweep-${second}`,
      second,
      trigger,
      JSON.stringify([{ calleeId: callee, count: 1 }]),
      JSON.stringify([{ ...mark, delegationId: `row-${second}`, latenessMs: second, stuckAfterMs: 1000 }]),
    ],
  );
}

async function fold(): Promise<void> {
  const [row] = await database.query<{ us: number }>(
    `SELECT (extract(epoch FROM max(started_at)) * 1000000)::float8 AS us FROM sweeper_sweeps`,
  );
  await foldDueSweepsStatement(sweeperTables(database.db)).run(database.db, { startedAt: row!.us });
}

test('the sweeps between the ticks of five minutes are merged into two records, with the figures, callees and marks of all', async () => {
  for (let second = 0; second < 12; second += 1) {
    await record(second, second % 5 === 0 ? 'cron' : 'due', `callee-${second % 2}`);
    const before = { day: (await reader().status()).day, history: await reader().history() };
    await fold();
    const after = { day: (await reader().status()).day, history: await reader().history() };
    expect(after.day).toEqual(before.day);
    expect(after.history).toEqual(before.history);
  }
  const rows = await database.query(
    `SELECT sweep_id AS id, trigger, sweeps, stuck, failed, remaining, truncated, duration_ms::int AS ms
     FROM sweeper_sweeps ORDER BY started_at`,
  );
  const tick = (second: number) => ({ id: `sweep-${second}`, trigger: 'cron', sweeps: 1, stuck: 1, failed: 2 });
  expect(rows).toMatchObject([
    tick(0),
    { id: 'sweep-1', trigger: 'due', sweeps: 8, stuck: 8, failed: 16, remaining: 9, truncated: true, ms: 9 },
    tick(5),
    tick(10),
    { id: 'sweep-11', trigger: 'due', sweeps: 1, stuck: 1, failed: 2 },
  ]);
});

test('two sweeps, and those of the span before, stay as they are', async () => {
  await record(299, 'due', 'callee');
  await record(300, 'due', 'callee');
  await record(301, 'due', 'callee');
  const sweeps = () => database.query('SELECT * FROM sweeper_sweeps ORDER BY started_at');
  const before = await sweeps();
  await fold();
  expect(await sweeps()).toEqual(before);
});
