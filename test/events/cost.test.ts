import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BufferMeter, type Explained } from '../../bench/buffers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testLedger, testSweeper } from '../support/fixtures.ts';
import { seedFleet } from '../support/seed-fleet.ts';
import { eventsIn, subscribe } from '../support/subscriber.ts';

const ROWS = 200;
const BATCH = 50;
/** What finding out that nobody subscribes may read, once a batch: an index of pg-boss's, and the catalogue. */
const BUFFERS_MAX = 12;

/** The functions as they are without pg-boss: no statement about subscriptions is sent. */
const withoutPgBoss = `CREATE OR REPLACE FUNCTION delegation_is_subscribed(event text) RETURNS boolean
  LANGUAGE sql STABLE AS 'SELECT false'`;

interface Cost {
  readonly batches: readonly Explained[];
  readonly publishing: readonly Explained[];
}

/** What the marks of a sweep of a fresh ledger cost, batch by batch, with all that its session has to plan once before. */
async function costOf(database: TestDatabase): Promise<Cost> {
  const meter = new BufferMeter(database.url);
  try {
    const { sweeper } = testSweeper(meter.db, { batchRowsMax: BATCH });
    await seedFleet(database, { rows: BATCH, silentSeconds: 700 });
    await sweeper.sweep({ trigger: 'manual' });
    await seedFleet(database, { rows: ROWS, silentSeconds: 700 });
    await database.query('CHECKPOINT');
    meter.statements.length = 0;
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: ROWS });
    const publishing = meter.statements.filter(({ sql }) => sql.includes('delegation_publish'));
    const marking = meter.statements.filter(
      ({ sql, walRecords }) => sql.includes('activity_logs') && walRecords > BATCH,
    );
    expect(marking).toHaveLength(ROWS / BATCH);
    return { batches: marking, publishing };
  } finally {
    await meter.db.destroy();
  }
}

const sum = (statements: readonly Explained[], of: 'buffers' | 'walRecords' | 'walBytes') =>
  statements.reduce((total, statement) => total + statement[of], 0);

describe('where nobody subscribes', () => {
  const databases: TestDatabase[] = [];
  let bare: Cost;
  let unheard: Cost;
  beforeAll(async () => {
    databases.push(await createTestDatabase(), await createTestDatabase());
    await databases[0]!.query(withoutPgBoss);
    bare = await costOf(databases[0]!);
    await subscribe(databases[1]!, ['delegation.failed.v1']);
    unheard = await costOf(databases[1]!);
  });
  afterAll(async () => {
    for (const database of databases) await database[Symbol.asyncDispose]();
  });

  test('marks write as much as without pg-boss', () => {
    expect(sum(unheard.batches, 'walRecords')).toBe(sum(bare.batches, 'walRecords'));
    // Numbers in the evidence differ by a digit.
    expect(Math.abs(sum(unheard.batches, 'walBytes') / sum(bare.batches, 'walBytes') - 1)).toBeLessThan(0.01);
  });

  test('a batch reads a handful of buffers more, and no statement is sent', () => {
    const more = (sum(unheard.batches, 'buffers') - sum(bare.batches, 'buffers')) / unheard.batches.length;
    expect(more).toBeLessThanOrEqual(BUFFERS_MAX);
    expect([...bare.publishing, ...unheard.publishing]).toEqual([]);
  });

  test('a late result writes its activity alone', async () => {
    const [, database] = databases;
    const meter = new BufferMeter(database!.url);
    try {
      const { ledger } = testLedger(meter.db);
      const [{ delegation_id: id } = { delegation_id: '' }] = await database!.query<{ delegation_id: string }>(
        `SELECT delegation_id FROM delegations WHERE status = 'stuck' LIMIT 1`,
      );
      const send = (resultPreview: string) => meter.measure(() => ledger.setStatus(id, 'completed', { resultPreview }));
      await send('first');
      await send('other');
      // The row's lock, the activity, its entries in four indexes.
      expect(meter.statements.map(({ walRecords }) => walRecords <= 7)).toEqual([true]);
    } finally {
      await meter.db.destroy();
    }
  });
});

test('where somebody subscribes a batch sends one statement more', async () => {
  await using database = await createTestDatabase();
  await subscribe(database, ['delegation.stuck.v1']);
  const { batches, publishing } = await costOf(database);
  expect(publishing).toHaveLength(batches.length);
  // The first fleet's events, too.
  expect(await eventsIn(database)).toHaveLength(ROWS + BATCH);
});
