import { beforeEach, describe, expect, test } from '@jest/globals';
import { ledgerTableNames, type Placement, readPlacement } from '../../../src/db/citus/placement.ts';
import { inCatalogue, makeCitusCatalogue, placeSchema, placeTable } from '../../support/citus-catalogue.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test', fresh: true });
const schemas = { dbSchema: 'public', pgbossSchema: 'pgboss' };
const read = (): Promise<Placement> => readPlacement(database.db, schemas);

/** The kinds of what is wrong, and the words of each. */
async function faults() {
  const placement = await read();
  return placement.kind === 'unsupported' ? placement.faults : [];
}

/** All tables of the ledger, as in a distributed schema. */
async function distributeLedger(): Promise<void> {
  await placeSchema(database, 'public', 7);
  for (const [index, table] of ledgerTableNames.entries()) {
    await placeTable(database, table, { colocation: 7, shard: 102_008 + index });
  }
}

test("the names of the ledger's tables are those that the migrations make", async () => {
  const rows = await database.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname COLLATE "C"`,
  );
  expect(rows.map(({ name }) => name)).toEqual([...ledgerTableNames].sort());
});

test('a database without Citus has ordinary tables', async () => {
  expect(await read()).toEqual({ kind: 'plain' });
});

describe('with Citus', () => {
  beforeEach(() => makeCitusCatalogue(database));

  test("a ledger that Citus does not know has ordinary tables, also beside an application's that it knows", async () => {
    await database.query('CREATE TABLE orders (id bigint)');
    await placeTable(database, 'orders', { method: 'h', colocation: 3 });
    expect(await read()).toEqual({ kind: 'plain' });
  });

  test('a distributed schema with all tables is accepted, and says how the tables are called on their node', async () => {
    await distributeLedger();
    expect(await read()).toMatchObject({
      kind: 'distributed',
      shards: { a2a_tasks: '102008', activity_logs: '102009' },
    });
  });

  test('an empty distributed schema is accepted: the migrations make their tables in it', async () => {
    await database.query('CREATE SCHEMA eu');
    await placeSchema(database, 'eu', 9);
    expect(await readPlacement(database.db, { ...schemas, dbSchema: 'eu' })).toEqual({
      kind: 'distributed',
      shards: {},
    });
  });

  test('tables distributed by rows are refused', async () => {
    await placeTable(database, 'delegations', { method: 'h', colocation: 3 });
    await placeTable(database, 'activity_logs', { method: 'h', colocation: 3 });
    expect(await faults()).toEqual([
      {
        kind: 'by_rows',
        what: expect.stringMatching(/^activity_logs, delegations of the schema public are distributed by rows/),
        // What Citus refuses with its identity column is not named.
        remedy: expect.stringMatching(
          /by a dump.*pg_dump "\$ADMIN_URL" --schema='"public"'.*; SELECT citus_schema_distribute\('public'\)/,
        ),
      },
    ]);
  });

  test.each([
    ['a reference table', { replication: 't', colocation: 2 }],
    ['a local table in the metadata', { colocation: 0 }],
    ['a single shard', { colocation: 5 }],
  ])('%s is refused', async (_, placed) => {
    await placeTable(database, 'sweeper_threshold', placed);
    expect(await faults()).toMatchObject([
      {
        kind: 'one_by_one',
        what: expect.stringContaining('sweeper_threshold'),
        remedy: expect.stringContaining(
          `SELECT undistribute_table('"public"."sweeper_threshold"', cascade_via_foreign_keys => true);`,
        ),
      },
    ]);
  });

  test('a distributed schema that lacks a table is refused, and what to do is named', async () => {
    await distributeLedger();
    await inCatalogue(
      database,
      `DELETE FROM pg_catalog.pg_dist_partition WHERE logicalrelid = 'sweeper_gaps'::regclass`,
    );
    expect(await faults()).toMatchObject([
      {
        kind: 'incomplete',
        what: 'the schema public is distributed, and its sweeper_gaps is not on its node',
        remedy: expect.stringMatching(/by a dump.*citus_schema_distribute\('public'\)/),
      },
    ]);
  });

  test("pg-boss's tables are refused in a distributed schema, and in the metadata, also where the ledger is ordinary", async () => {
    await placeTable(database, 'pgboss.queue');
    expect(await faults()).toMatchObject([{ kind: 'pgboss', remedy: expect.stringContaining('undistribute_table') }]);
    await distributeLedger();
    await placeSchema(database, 'pgboss', 8);
    expect(await faults()).toMatchObject([{ kind: 'pgboss', remedy: `SELECT citus_schema_undistribute('pgboss');` }]);
  });

  test('a connection to a worker node is refused where the schema is distributed', async () => {
    await distributeLedger();
    await inCatalogue(database, 'UPDATE pg_catalog.pg_dist_local_group SET groupid = 2');
    expect(await faults()).toMatchObject([{ kind: 'not_the_coordinator', what: expect.stringContaining('group 2') }]);
  });
});

test('a Citus that cannot distribute schemas is refused', async () => {
  await makeCitusCatalogue(database, { release: 11 });
  expect(await faults()).toMatchObject([{ kind: 'too_old' }]);
});
