/** The number behind the name of each of the ledger's tables on the node that has them. */
export type Shards = Readonly<Record<string, string>>;

/** Constraints and triggers that SQL names, with their tables: on the node they have the table's number, too. */
const named: Readonly<Record<string, string>> = {
  a2a_tasks_pkey: 'a2a_tasks',
  delegations_symmetry_insert: 'delegations',
  delegations_symmetry_update: 'delegations',
};

/**
 * SQL over the ledger's tables, with the names that these have on their node. There it means what it means on PostgreSQL
 * without Citus, and Citus does not plan it.
 */
export function onNode(sql: string, shards: Shards): string {
  const numbers: Record<string, string | undefined> = { ...shards };
  for (const [name, table] of Object.entries(named)) numbers[name] = shards[table];
  return sql.replace(
    new RegExp(`\\b(?:${Object.keys(numbers).join('|')})\\b`, 'g'),
    (name) => `${name}_${numbers[name]}`,
  );
}
