import { expect, test } from '@jest/globals';
import { BufferMeter } from '../../../bench/buffers.ts';
import { rules } from '../../../src/sweeper/pass/rules.ts';
import { markBatchStatement } from '../../../src/sweeper/pass/statements/mark-batch.ts';
import { markAskedStatement, markRowsStatement } from '../../../src/sweeper/pass/statements/mark-rows.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { testSweeper } from '../../support/fixtures.ts';
import { seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test', server: 'own' });

const ROWS = 500;

interface Cost {
  readonly buffers: number;
  readonly walBytes: number;
}

/** Of marking so many rows, in the second sweep of its kind. */
async function costOf(retriesMax: number): Promise<Cost> {
  const meter = new BufferMeter(database.url);
  try {
    const { sweeper } = testSweeper(meter.db, { retriesMax });
    await seedFleet(database, { rows: ROWS, silentSeconds: 700 });
    await sweeper.sweep({ trigger: 'manual' });
    await seedFleet(database, { rows: ROWS, silentSeconds: 700 });
    const written = async () =>
      (await database.query<{ at: number }>(`SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS at`))[0]!.at;
    await database.query('CHECKPOINT');
    // The first write to a page after a checkpoint logs the whole page.
    await database.query('UPDATE delegations SET updated_at = updated_at; UPDATE activity_logs SET actor = actor');
    const before = await written();
    const buffers = await meter.measure(() => sweeper.sweep({ trigger: 'manual' }));
    return { buffers, walBytes: (await written()) - before };
  } finally {
    await meter.db.destroy();
  }
}

test('without RETRY_MAX_ATTEMPTS the statements that mark try nothing again', () => {
  const tables = sweeperTables(database.db);
  for (const rule of rules) {
    for (const { sql } of [
      markBatchStatement(tables, rule, { someKnown: true }),
      markRowsStatement(tables, rule, { tasks: true }),
      markAskedStatement(tables, rule),
    ]) {
      expect(sql).not.toMatch(/delegation_retry|d\.attempt <=|retriedAs'/);
      expect(sql).toContain('NULL::text AS retried_as');
    }
    const tried = markBatchStatement(tables, rule, { someKnown: true }, 1).sql.includes('delegation_retry');
    expect({ rule: rule.name, tried }).toEqual({ rule: rule.name, tried: rule.to === 'stuck' });
  }
});

test('what a mark costs more is the retry itself', async () => {
  const off = await costOf(0);
  const on = await costOf(1);
  expect(on.walBytes).toBeGreaterThan(off.walBytes * 1.3);
  // About 2,300.
  expect((on.walBytes - off.walBytes) / ROWS).toBeLessThan(3_500);
  expect(off.walBytes / ROWS).toBeLessThan(2_500);
});
