import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { DelegationLedger } from '../../src/ledger/ledger.ts';
import type { ListOptions } from '../../src/ledger/listing.ts';
import { statuses } from '../../src/ledger/transitions.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type BoundStatement, buffersOf, customPlan, genericPlan, nodesOf } from '../support/explain.ts';
import { history, seedHistory } from '../support/seed-history.ts';
import { testServer } from '../support/server.ts';

const ROWS = 120_000;
const LIMIT = 100;
/** Each row may lie on a page of its own; the scans of six statuses begin at the roots of their indexes. */
const BUFFERS_MAX = LIMIT + 100;

const DAY_MS = 86_400_000;
const { hugeCaller, bigCallee, rareCaller, rareCallee, days } = history;

const filters: readonly (readonly [string, ListOptions])[] = [
  ['nothing', {}],
  ...statuses.map((status) => [`status ${status}`, { status }] as const),
  ['the huge caller', { callerId: hugeCaller }],
  ['a small caller', { callerId: 'caller-7' }],
  ['a rare caller', { callerId: rareCaller }],
  ['a caller that has nothing', { callerId: 'nobody' }],
  ['a big callee', { calleeId: bigCallee }],
  ['a rare callee', { calleeId: rareCallee }],
  ['a callee that has nothing', { calleeId: 'nobody' }],
  ['the rare status of the huge caller', { callerId: hugeCaller, status: 'stuck' }],
  ['a status that the rare caller has not', { callerId: rareCaller, status: 'dispatched' }],
  ['the rare status of a big callee', { calleeId: bigCallee, status: 'stuck' }],
  ['the huge caller and a big callee', { callerId: hugeCaller, calleeId: bigCallee }],
  ['the huge caller and a rare callee', { callerId: hugeCaller, calleeId: rareCallee }],
  ['a rare caller and a big callee', { callerId: rareCaller, calleeId: bigCallee }],
  ['the huge caller, a big callee, a rare status', { callerId: hugeCaller, calleeId: bigCallee, status: 'stuck' }],
  ['the huge caller and a callee that has nothing', { callerId: hugeCaller, calleeId: 'nobody' }],
];

let database: TestDatabase;
let session: pg.Client;
let recorded: Kysely<Database>;
let ledger: DelegationLedger;
let sent: BoundStatement[] = [];
/** A place in the middle of everything, and one near the end. */
let middle: string;
let end: string;
beforeAll(async () => {
  database = await createTestDatabase(testServer(), { fresh: true });
  session = await database.connect();
  // As boundedRead has it.
  await session.query('SET enable_seqscan = off');
  await session.query('SET enable_bitmapscan = off');
  await database.query('ALTER TABLE delegations SET (autovacuum_enabled = off)');
  await database.query('ANALYZE delegations');
  await seedHistory(database, ROWS);
  recorded = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 1 }) }),
    log: ({ query }) => void sent.push(query),
  });
  ledger = new DelegationLedger(recorded);
  const placeAt = async (olderThanMs: number) => (await ledger.list({ olderThanMs, limit: 1 })).next!;
  [middle, end] = [await placeAt((days / 2) * DAY_MS), await placeAt((days - 0.1) * DAY_MS)];
});
afterAll(async () => {
  await session.end();
  await recorded.destroy();
  await database[Symbol.asyncDispose]();
});

/** The statement of a list with these options, as it is sent. */
async function statementOf(options: ListOptions): Promise<BoundStatement> {
  sent = [];
  await ledger.list({ limit: LIMIT, ...options });
  return sent.find(({ sql }) => sql.includes('delegations'))!;
}

/** How a list reads too much: empty when it does not. */
async function faultsOf(options: ListOptions): Promise<unknown[]> {
  const statement = await statementOf(options);
  const faults: unknown[] = [];
  for (const [kind, planned] of [
    ['custom', customPlan],
    ['generic', genericPlan],
  ] as const) {
    const nodes = nodesOf(await planned(session, statement));
    const reads = nodes.filter((node) => node['Relation Name'] === 'delegations').map((node) => node['Node Type']);
    if (reads.length === 0 || reads.some((type) => !type.startsWith('Index'))) faults.push({ kind, reads });
    const buffers = await buffersOf(session, statement, kind);
    if (buffers > BUFFERS_MAX) faults.push({ kind, buffers });
  }
  return faults;
}

const pages = (): readonly (readonly [string, ListOptions])[] => [
  ['the first page', {}],
  ['a page in the middle', { after: middle }],
  ['a page near the end', { after: end }],
  ['what is older than half of all', { olderThanMs: (days / 2) * DAY_MS }],
  ['a page of what is older than half of all', { olderThanMs: (days / 2) * DAY_MS, after: end }],
  ['what is older than the place', { olderThanMs: (days - 0.05) * DAY_MS, after: middle }],
];

describe('a page reads by an index as many buffers as it has rows', () => {
  const check = async (name: string) => {
    const [, options] = filters.find(([title]) => title === name)!;
    for (const [page, place] of pages()) {
      expect({ page, faults: await faultsOf({ ...options, ...place }) }).toEqual({ page, faults: [] });
    }
  };
  const names = filters.map(([name]) => name);

  // In this order: each state of the statistics is made from the one before.
  describe('when the statistics are from an empty table', () => {
    test.each(names)('of %s', check);
  });

  describe('when the statistics are from a time at which what is many by now was rare', () => {
    beforeAll(async () => {
      await database.query('TRUNCATE delegations CASCADE');
      await database.query(
        `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, finished_at, status, revision)
         SELECT 'early-' || i, CASE WHEN i < 4 THEN $1 ELSE 'c-' || i END, CASE WHEN i < 4 THEN $2 ELSE 'e-' || i END, 'task',
           now(), CASE WHEN i < 4 THEN 'completed' ELSE 'stuck' END, 1 FROM generate_series(1, 5000) i`,
        [hugeCaller, bigCallee],
      );
      await database.query('ANALYZE delegations');
      await database.query('TRUNCATE delegations CASCADE');
      await seedHistory(database, ROWS);
    });
    test.each(names)('of %s', check);
  });

  describe('when the statistics are from a time at which one caller had given everything, and nothing had begun', () => {
    beforeAll(async () => {
      await database.query('TRUNCATE delegations CASCADE');
      await database.query(
        `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, revision)
         SELECT 'early-' || i, $1, $2, 'task', 1 FROM generate_series(1, 5000) i`,
        [rareCaller, rareCallee],
      );
      await database.query('ANALYZE delegations');
      await database.query('TRUNCATE delegations CASCADE');
      await seedHistory(database, ROWS);
    });
    test.each(names)('of %s', check);
  });

  describe('when the statistics are fresh', () => {
    beforeAll(() => database.query('VACUUM ANALYZE delegations'));
    test.each(names)('of %s', check);
  });
});
