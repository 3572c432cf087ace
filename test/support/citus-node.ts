import { ledgerTableNames, NODE_TABLE } from '../../src/db/citus/placement.ts';
import { setNode } from '../../src/db/node/nodes.ts';
import type { Shards } from '../../src/db/node/on-node.ts';
import { installFunctions } from '../../src/ledger/functions/install.ts';
import { installNode, makeNodeTable } from '../../src/ledger/functions/install-node.ts';
import { schemaFunctions } from '../../src/ledger/functions/schema-functions.ts';
import { inCatalogue, makeCitusCatalogue } from './citus-catalogue.ts';
import type { TestDatabase } from './database.ts';
import type { Queryable } from './wait-for.ts';

/** The number of the first table. */
const FIRST = 102_008;

export const shardsOf: Shards = Object.fromEntries(
  [...ledgerTableNames, NODE_TABLE].map((table, index) => [table, String(FIRST + index)]),
);

/**
 * Makes of a ledger in `public` what a node of Citus has of a distributed one: tables whose names, constraints and triggers end
 * in their numbers, without identities; under the ledger's own names views, in place of the tables that Citus plans itself;
 * and the functions as they are installed there; citus_calls.delegated has those that were delegated. From then on its Kysely sends the sweeper's statements to the node.
 */
export async function becomeNode(database: Pick<TestDatabase, 'db' | 'query'>): Promise<void> {
  await makeCitus(database);
  await makeNodeTable(database.db, 'public');
  await installNode(database.db, 'public', shardsOf);
  await installFunctions(database.db, 'public', schemaFunctions, shardsOf);
  for (const [table, shard] of Object.entries(shardsOf)) await database.query(asOnNode(table, shard));
  setNode(database.db, 'public', shardsOf);
}

/** Citus's catalogue, which says that this is the ledger's node, and those of its functions that the product calls. */
export async function makeCitus(database: Queryable): Promise<void> {
  await makeCitusCatalogue(database);
  await inCatalogue(
    database,
    `CREATE FUNCTION pg_catalog.lock_shard_metadata(mode integer, shards bigint[]) RETURNS void LANGUAGE sql AS '';
     CREATE SCHEMA citus_calls;
     CREATE TABLE citus_calls.delegated (fn text);
     CREATE FUNCTION pg_catalog.create_distributed_function(fn regprocedure, colocate_with text) RETURNS void LANGUAGE sql
       AS 'INSERT INTO citus_calls.delegated VALUES (fn::text)';
     INSERT INTO pg_catalog.pg_dist_placement VALUES (1, ${shardsOf.delegations}, 0)`,
  );
}

const identities: Readonly<Record<string, string>> = { activity_logs: 'activity_id', sweeper_holds: 'hold_id' };

function asOnNode(table: string, shard: string): string {
  const column = identities[table];
  const sequence = `${table}_${column}_seq`;
  return `
    ${column === undefined ? '' : `ALTER TABLE ${table} ALTER ${column} DROP IDENTITY; CREATE SEQUENCE ${sequence};`}
    DO $$
    DECLARE
      one record;
    BEGIN
      FOR one IN SELECT conname AS name FROM pg_constraint WHERE conrelid = '${table}'::regclass AND contype <> 'n' LOOP
        EXECUTE format('ALTER TABLE ${table} RENAME CONSTRAINT %I TO %I', one.name, one.name || '_${shard}');
      END LOOP;
      FOR one IN SELECT tgname AS name FROM pg_trigger WHERE tgrelid = '${table}'::regclass AND NOT tgisinternal LOOP
        IF one.name NOT LIKE '%\\_${shard}' THEN
          EXECUTE format('ALTER TRIGGER %I ON ${table} RENAME TO %I', one.name, one.name || '_${shard}');
        END IF;
      END LOOP;
    END $$;
    ALTER TABLE ${table} RENAME TO ${table}_${shard};
    CREATE VIEW ${table} AS SELECT * FROM ${table}_${shard}`;
}
