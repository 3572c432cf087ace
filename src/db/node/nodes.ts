import type { QueryExecutorProvider } from 'kysely';
import { identifier } from '../identifier.ts';
import type { Shards } from './on-node.ts';

/** The ledgers that Citus has in a distributed schema, by their schema. */
type Nodes = Map<string, Shards>;

/** What the Kyselys that lead to one database have in common, by the adapter of each. A Kysely that is not here is alone. */
const databases = new WeakMap<object, object>();
/** By database. Empty without Citus. */
const nodesOf = new WeakMap<object, Nodes>();

/** The Kyselys of one database know of the same nodes. */
export function leadsTo(db: QueryExecutorProvider, database: object): void {
  databases.set(adapterOf(db)!, database);
}

/**
 * From now on, statements about this schema that are sent to this database go to the ledger's node; undefined: no longer. A
 * schema without tables has none.
 */
export function setNode(db: QueryExecutorProvider, schema: string, shards: Shards | undefined): void {
  const database = databaseOf(db)!;
  const nodes: Nodes = nodesOf.get(database) ?? new Map();
  if (shards?.delegations === undefined) nodes.delete(schema);
  else nodes.set(schema, shards);
  nodesOf.set(database, nodes);
}

/** Whether Citus has this ledger of the database on a node. */
export function isOnNode(db: object, schema: string): boolean {
  const database = databaseOf(db);
  return (database !== undefined && nodesOf.get(database)?.has(schema)) ?? false;
}

/** Whether Citus has a ledger of the database on a node. */
export function hasNodes(db: object): boolean {
  const database = databaseOf(db);
  return database !== undefined && (nodesOf.get(database)?.size ?? 0) > 0;
}

/**
 * The schema of the ledger that the SQL is about, quoted, and its node. Null where its tables are ordinary ones, and for a bare
 * connection, which does not say where it leads: only the library uses one, and its statements can be planned by Citus.
 */
export function nodeOf(db: object, sql: string): { readonly schema: string; readonly shards: Shards } | null {
  const database = databaseOf(db);
  const nodes = database && nodesOf.get(database);
  if (nodes === undefined) return null;
  for (const [schema, shards] of nodes) {
    const quoted = identifier(schema);
    const isNamed = Object.keys(shards).some((table) => sql.includes(`${quoted}."${table}"`));
    if (isNamed) return { schema: quoted, shards };
  }
  return null;
}

function databaseOf(db: object): object | undefined {
  const adapter = adapterOf(db);
  return adapter && (databases.get(adapter) ?? adapter);
}

/** A Kysely, and the transactions, connections and schemas that are taken from it, have the same one. */
function adapterOf(db: object): object | undefined {
  return 'getExecutor' in db ? (db as QueryExecutorProvider).getExecutor().adapter : undefined;
}
