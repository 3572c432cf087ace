import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { ledgerTableNames } from '../../../src/db/citus/placement.ts';
import { nodeFunctions } from '../../../src/ledger/functions/node.ts';
import type { SchemaFunction } from '../../../src/ledger/functions/schema-function.ts';
import { schemaFunctions } from '../../../src/ledger/functions/schema-functions.ts';
import { planned, tellsInOrderOfIds } from '../../support/citus-hazards.ts';
import { becomeNode, shardsOf } from '../../support/citus-node.ts';
import { useDatabase } from '../../support/use-database.ts';

const node = useDatabase({ fresh: true, replayed: false });
const plain = useDatabase({ fresh: true, replayed: false });
let session: pg.Client;
beforeAll(async () => {
  await becomeNode(node);
  session = await plain.connect();
});
afterAll(() => session.end());

const signature = ({ name, types }: SchemaFunction) => `${name}(${types})`;
const functions = [...schemaFunctions, ...nodeFunctions(shardsOf)].map((fn) => [signature(fn), fn] as const);

const bodyOf = async (of: string) =>
  (await node.query<{ body: string }>('SELECT prosrc AS body FROM pg_proc WHERE oid = $1::regprocedure', [of]))[0]!
    .body;

/** The call that leads to the node reads the table of one row by its name on the coordinator. */
const redirection = /IF NOT delegation_is_here\(\) THEN[\s\S]*?END IF;/;
const ofCoordinator = new RegExp(`\\b(?:${ledgerTableNames.join('|')})\\b`);
const ofNode = new RegExp(`\\b(?:${ledgerTableNames.join('|')})_\\d{6}\\b`);

/** What runs where it is called, and has tables of the node in it. */
const alwaysOnNode: Readonly<Record<string, string>> = {
  'delegation_publish(bigint[])': 'is called by functions that are on the node already',
  'delegation_ids_here()': 'is a trigger, which Citus fires where the rows are',
};

describe('on Citus each function of the schema', () => {
  test('is delegated to the node, unless it needs no table', async () => {
    const delegated = await node.query<{ fn: string }>('SELECT fn FROM citus_calls.delegated');
    const wanted = functions.filter(([, fn]) => !fn.runsAnywhere).map(([of]) => of);
    const named = await node.query<{ fn: string }>('SELECT unnest($1::regprocedure[])::text AS fn', [wanted]);
    expect(delegated.map(({ fn }) => fn).sort()).toEqual(named.map(({ fn }) => fn).sort());
  });

  test.each(functions)(
    '%s goes to the node before it names a table, and names none of the coordinator',
    async (of, fn) => {
      const body = await bodyOf(of);
      const [there] = redirection.exec(body) ?? [];
      expect(there !== undefined).toBe(!fn.runsAnywhere);
      const [before, ...after] = body.split(redirection);
      if (there !== undefined) expect(ofNode.exec(before!)).toBeNull();
      else expect({ of, table: ofNode.test(body) }).toEqual({ of, table: of in alwaysOnNode });
      expect(ofCoordinator.exec([before, ...after].join(''))).toBeNull();
    },
  );

  test('tells in the order of ids only where it is known to, which a move does not change (history.test.ts)', async () => {
    const found = [];
    for (const [of] of functions) if (tellsInOrderOfIds(await bodyOf(of))) found.push(of.split('(')[0]);
    expect(found).toEqual([
      'delegation_set_status',
      'delegation_retry',
      'delegation_reconcile',
      'delegation_a2a_observe',
      'delegation_publish',
    ]);
  });
});

describe('the functions of the migrations', () => {
  const triggers = {
    // Each statement that it sends by the table's name, which Citus plans on the node.
    delegations_guard: [
      { table: 'sweeper_threshold', hazards: [] },
      { table: 'sweeper_lowerings', hazards: [] },
    ],
    delegations_start_after: [],
    // The defaults of the columns, of one row. The conformance suite on Citus has such writers (test/citus/).
    delegations_symmetry: [{ table: 'activity_logs', hazards: ['volatile'] }],
  };

  test('are triggers, which run where the row is', async () => {
    const rows = await plain.query<{ name: string }>(
      `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(triggers));
    const others = await plain.query<{ name: string }>(
      `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype
         AND obj_description(oid, 'pg_proc') NOT LIKE 'delegation-sweeper %'`,
    );
    expect(others).toEqual([]);
  });

  test.each(Object.entries(triggers))('%s sends what Citus can plan', async (name, expected) => {
    const [{ body }] = (await plain.query<{ body: string }>('SELECT prosrc AS body FROM pg_proc WHERE proname = $1', [
      name,
    ])) as [{ body: string }];
    const sent = Array.from(body.matchAll(/EXECUTE format\('((?:[^']|'')*)'/g), ([, text]) =>
      text!.replaceAll("''", "'").replaceAll(/%(?:1\$)?I/g, 'public'),
    );
    const found = [];
    for (const sql of sent) {
      const { tables, hazards } = await planned(session, sql, new Set(sql.match(/\$\d/g)).size);
      found.push({ table: tables[0], hazards });
    }
    expect(found).toEqual(expected);
    // Nothing else of it names a table.
    expect(ofCoordinator.exec(body.replaceAll(/EXECUTE format\('(?:[^']|'')*'/g, ''))?.[0]).toBeUndefined();
  });
});
