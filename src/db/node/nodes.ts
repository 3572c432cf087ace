import type { Shards } from './on-node.ts';

/** The ledgers of this process that Citus has in a distributed schema, by their schema. Empty without Citus. */
const nodes = new Map<string, Shards>();

/** From now on, statements about this schema are sent to its node; undefined: no longer. A schema without tables has none. */
export function setNode(schema: string, shards: Shards | undefined): void {
  if (shards?.delegations === undefined) nodes.delete(schema);
  else nodes.set(schema, shards);
}

/** Whether Citus has this ledger on a node. */
export function isOnNode(schema: string): boolean {
  return nodes.has(schema);
}

/** The schema of the ledger that the SQL is about, quoted, and its node. Null where its tables are ordinary ones. */
export function nodeOf(sql: string): { readonly schema: string; readonly shards: Shards } | null {
  if (nodes.size === 0) return null;
  for (const [schema, shards] of nodes) {
    const quoted = `"${schema.replaceAll('"', '""')}"`;
    const isNamed = Object.keys(shards).some((table) => sql.includes(`${quoted}."${table}"`));
    if (isNamed) return { schema: quoted, shards };
  }
  return null;
}
