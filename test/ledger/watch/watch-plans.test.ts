import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import type { Statement } from '../../../src/db/statement.ts';
import { watchedIdsStatement } from '../../../src/ledger/statements/watched-ids.ts';
import { streamPlaceStatement, watchedStreamStatement } from '../../../src/ledger/statements/watched-stream.ts';
import { ledgerTables } from '../../../src/ledger/tables.ts';
import { watchedByDefault } from '../../../src/ledger/watch/change.ts';
import { buffersOf, customPlan, genericPlan, nodesOf } from '../../support/explain.ts';
import { history, seedHistory } from '../../support/seed-history.ts';
import { useDatabase } from '../../support/use-database.ts';

const ROWS = 60_000;
const database = useDatabase({ fresh: true, replayed: false });

let session: pg.Client;
/** Delegations that are open, with the last activity of each, and the highest of all. */
let [ids, places]: [string[], number[]] = [[], []];
let newest: number;

async function seed(): Promise<void> {
  await seedHistory(database, ROWS);
  await database.query(
    `INSERT INTO activity_logs (delegation_id, event, to_status, actor)
     SELECT d.delegation_id, 'delegation.' || s.status, s.status, 'test'
     FROM delegations d, LATERAL (SELECT DISTINCT unnest(ARRAY['queued', 'in_progress', d.status]) AS status) s
     ORDER BY d.created_at, d.delegation_id`,
  );
  const open = await database.query<{ id: string; place: number }>(
    `SELECT d.delegation_id AS id, max(a.activity_id)::float8 AS place
     FROM delegations d JOIN activity_logs a USING (delegation_id)
     WHERE d.finished_at IS NULL GROUP BY 1 ORDER BY 1 LIMIT 100`,
  );
  [ids, places] = [open.map(({ id }) => id), open.map(({ place }) => place)];
  const [row] = await database.query<{ newest: number }>(
    'SELECT max(activity_id)::float8 AS newest FROM activity_logs',
  );
  newest = row!.newest;
}

beforeAll(async () => {
  session = await database.connect();
  // As boundedRead has it.
  await session.query('SET enable_seqscan = off; SET enable_bitmapscan = off');
  await database.query('ALTER TABLE delegations SET (autovacuum_enabled = off)');
  await database.query('ALTER TABLE activity_logs SET (autovacuum_enabled = off)');
  await database.query('ANALYZE delegations, activity_logs');
  await seed();
});

/** Buffers of a look, the larger one of both kinds of plan. It must not read a table otherwise than by an index. */
async function costOf<Values>(statement: Statement<Values, unknown>, values: Values): Promise<number> {
  const bound = statement.bind(values);
  const costs: number[] = [];
  for (const [kind, planned] of [
    ['custom', customPlan],
    ['generic', genericPlan],
  ] as const) {
    // prettier-ignore
    const scans = nodesOf(await planned(session, bound)).filter((node) => node['Relation Name'] !== undefined);
    expect(scans.map((node) => node['Node Type']).filter((type) => !type.startsWith('Index'))).toEqual([]);
    costs.push(await buffersOf(session, bound, kind));
  }
  return Math.max(...costs);
}

const byIds = () => watchedIdsStatement(ledgerTables(database.db));
const stream = () => watchedStreamStatement(ledgerTables(database.db));
const idle = { events: watchedByDefault, firsts: [], lasts: [] };
const callers = [history.hugeCaller, history.rareCaller, 'nobody'];

const costs = () => {
  test('a place that is near is found in a few buffers, and one that is further back in a page', async () => {
    const find = streamPlaceStatement(ledgerTables(database.db), 1_000);
    const later = Date.parse('2999-01-01') * 1_000;
    expect(await costOf(find, { before: later, below: newest })).toBeLessThanOrEqual(10);
    expect(await costOf(find, { before: 0, below: newest })).toBeLessThanOrEqual(1_000);
  });

  test('a look at ids at which nothing happened is an index probe of each', async () => {
    expect(await costOf(byIds(), { ids, places, withRows: false })).toBeLessThanOrEqual(4 * ids.length);
  });

  test('the first look at ids costs a few probes of each', async () => {
    const beginning = places.map(() => -1);
    expect(await costOf(byIds(), { ids, places: beginning, withRows: true })).toBeLessThanOrEqual(25 * ids.length);
  });

  test.each(callers)(
    'a look for %s in which nothing happened is a few buffers, and each gap one probe more',
    async (callerId) => {
      const position = newest;
      expect(await costOf(stream(), { ...idle, callerId, position })).toBeLessThanOrEqual(20);
      const gaps = Array.from({ length: 50 }, (_, nr) => newest + 10 * nr);
      const values = { ...idle, callerId, position, firsts: gaps, lasts: gaps.map((id) => id + 3) };
      expect(await costOf(stream(), values)).toBeLessThanOrEqual(20 + 4 * gaps.length);
    },
  );

  test.each(callers)(
    'a look for %s costs what happened since the last one, however far behind it is',
    async (callerId) => {
      const short = { ...idle, callerId, position: newest - 100 };
      expect(await costOf(stream(), short)).toBeLessThanOrEqual(20 + 100 * 9);
      for (const position of [0, Math.floor(newest / 2), null]) {
        expect(await costOf(stream(), { ...idle, callerId, position })).toBeLessThanOrEqual(20 + 1_000 * 9);
      }
    },
  );
};

describe('with the statistics of an empty ledger', costs);

describe('with the statistics of a ledger in which one delegation had all the activity', () => {
  beforeAll(async () => {
    await database.query('TRUNCATE delegations, activity_logs CASCADE');
    await database.query(
      `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, revision) VALUES ('one', $1, 'c', 't', 1)`,
      [history.rareCaller],
    );
    await database.query(
      `INSERT INTO activity_logs (delegation_id, event, actor, detail)
       SELECT 'one', 'delegation.waiting', 'test', jsonb_build_object('nr', i) FROM generate_series(1, 5000) i`,
    );
    await database.query('ANALYZE delegations, activity_logs');
    await database.query('TRUNCATE delegations, activity_logs CASCADE');
    await seed();
  });
  costs();
});

describe('with fresh statistics', () => {
  beforeAll(() => database.query('VACUUM ANALYZE delegations, activity_logs'));
  costs();
});

afterAll(() => session.end());
