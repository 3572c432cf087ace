import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { placeBeforeAll } from '../../src/sweeper/pass/place.ts';
import { stale } from '../../src/sweeper/pass/rules.ts';
import { markBatchStatement } from '../../src/sweeper/pass/statements/mark-batch.ts';
import { rangeValues } from '../../src/sweeper/pass/statements/places.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { plainStaleness } from '../support/plain-staleness.ts';
import { countByStatus, seedFleet } from '../support/seed-fleet.ts';
import { testServer } from '../support/server.ts';
import { eventsIn, subscribe } from '../support/subscriber.ts';

const BATCHES = 4;
const BATCH = 50;
/** What finding out that nobody subscribes may read, once a batch: an index of pg-boss's, and the catalogue. */
const BUFFERS_MAX = 12;

interface Cost {
  readonly buffers: number;
  readonly walRecords: number;
  readonly walBytes: number;
}

/** What a statement costs that is run, in a transaction that is committed. */
async function costOf(session: pg.Client, { sql, parameters }: { sql: string; parameters: unknown[] }): Promise<Cost> {
  const { rows } = await session.query(`EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) ${sql}`, parameters);
  const { Plan: plan } = rows[0]['QUERY PLAN'][0];
  const buffers = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
  return { buffers, walRecords: plan['WAL Records'], walBytes: plan['WAL Bytes'] };
}

/** What the batches of a sweep of a fresh ledger cost. The first, in which the session plans the functions, is left out. */
async function batchesOf(database: TestDatabase): Promise<Cost[]> {
  const session = await database.connect();
  await seedFleet(database, { rows: (BATCHES + 1) * BATCH, silentSeconds: 700 });
  await database.query(`UPDATE sweeper_state SET sweep_id = 'sweep'`);
  // Otherwise the first change of each page writes all of it.
  await database.query('CHECKPOINT');
  const nowUs = Date.now() * 1000;
  const range = { after: placeBeforeAll, upTo: { keyUs: nowUs, delegationId: '' }, rows: BATCH, ids: null };
  const marking = markBatchStatement(sweeperTables(database.db), stale).bind({
    now: nowUs,
    staleness: plainStaleness(nowUs - 600_000_000),
    ...rangeValues(range),
    force: false,
    foundIds: [],
    sweepId: 'sweep',
    rowsMax: BATCH,
  });
  const costs: Cost[] = [];
  for (let batch = 0; batch <= BATCHES; batch += 1) costs.push(await costOf(session, marking));
  expect(await countByStatus(database)).toEqual({ stuck: (BATCHES + 1) * BATCH });
  await session.end();
  return costs.slice(1);
}

const sum = (costs: readonly Cost[], of: keyof Cost) => costs.reduce((total, cost) => total + cost[of], 0);

describe('where nobody subscribes', () => {
  const databases: TestDatabase[] = [];
  let bare: Cost[];
  let unheard: Cost[];
  beforeAll(async () => {
    for (let i = 0; i < 2; i += 1) databases.push(await createTestDatabase(testServer(), { fresh: true }));
    // Nothing is read of pg-boss.
    await databases[0]!.query(`CREATE OR REPLACE FUNCTION delegation_is_subscribed(event text) RETURNS boolean
      LANGUAGE sql STABLE AS 'SELECT false'`);
    bare = await batchesOf(databases[0]!);
    await subscribe(databases[1]!, ['delegation.failed.v1']);
    unheard = await batchesOf(databases[1]!);
  });
  afterAll(async () => {
    for (const database of databases) await database[Symbol.asyncDispose]();
  });

  test('marks write as much as without pg-boss: the row, its indexes, its activity', () => {
    // Splits of index pages and whole pages after a checkpoint, which may come at any time, are the rest.
    const perRow = (costs: readonly Cost[]) => Math.floor(sum(costs, 'walRecords') / (BATCHES * BATCH));
    expect(perRow(unheard)).toBe(perRow(bare));
    expect(sum(unheard, 'walRecords') / sum(bare, 'walRecords')).toBeCloseTo(1, 1);
  });

  test('a batch reads a handful of buffers more', () => {
    expect((sum(unheard, 'buffers') - sum(bare, 'buffers')) / BATCHES).toBeLessThanOrEqual(BUFFERS_MAX);
  });

  test('asking who subscribes writes nothing', async () => {
    const session = await databases[1]!.connect();
    const asking = { sql: `SELECT delegation_is_subscribed('delegation.stuck.v1')`, parameters: [] };
    await costOf(session, asking);
    expect(await costOf(session, asking)).toMatchObject({ walRecords: 0, walBytes: 0 });
    await session.end();
  });

  test('a late result writes its activity alone', async () => {
    const session = await databases[1]!.connect();
    const [row] = await databases[1]!.query<{ id: string }>('SELECT delegation_id AS id FROM delegations LIMIT 1');
    const send = (preview: string) =>
      costOf(session, {
        sql: `SELECT * FROM delegation_set_status($1, 'completed', result_preview => $2)`,
        parameters: [row!.id, preview],
      });
    await send('first');
    // The row's lock, the number of the activity, the activity, and its entries in five indexes. A page that is split or pruned is
    // another record, in some of them.
    const records: number[] = [];
    for (const nth of [1, 2, 3, 4, 5]) records.push((await send(`other ${nth}`)).walRecords);
    expect(Math.min(...records)).toBeLessThanOrEqual(8);
    await session.end();
  });
});

test('where somebody subscribes, the same statement writes the events', async () => {
  await using database = await createTestDatabase();
  await subscribe(database, ['delegation.stuck.v1']);
  await batchesOf(database);
  expect(await eventsIn(database)).toHaveLength((BATCHES + 1) * BATCH);
});
