import { type Kysely, type RawBuilder, sql } from 'kysely';
import { NODE_TABLE } from '../../db/citus/placement.ts';
import type { Shards } from '../../db/node/on-node.ts';
import type { Database } from '../../db/schema.ts';
import { installFunctions } from './install.ts';
import { idColumns, nodeFunctions } from './node.ts';

/** The table that only a ledger on a node has. Made in a distributed schema, it is on the same node. Throws the database's error. */
export async function makeNodeTable(db: Kysely<Database>, schema: string): Promise<void> {
  const table = sql.id(schema, NODE_TABLE);
  await sql`CREATE TABLE IF NOT EXISTS ${table} (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), node_group integer)`.execute(
    db,
  );
  await sql`INSERT INTO ${table} (singleton) VALUES (true) ON CONFLICT DO NOTHING`.execute(db);
}

/** What a ledger has beside its functions where Citus has its schema on a node. Throws the database's error. */
export async function installNode(db: Kysely<Database>, schema: string, shards: Shards): Promise<void> {
  await installFunctions(db, schema, nodeFunctions(shards), shards);
  for (const { table, column } of idColumns) {
    const drawing = sql`FOR EACH ROW EXECUTE FUNCTION ${sql.id(schema, 'delegation_next_id')}(${sql.lit(column)})`;
    await makeTrigger(db, schema, table, `${table}_next_id`, drawing);
    const lookingFirst = sql`FOR EACH STATEMENT EXECUTE FUNCTION ${sql.id(schema, 'delegation_ids_here')}()`;
    await makeTrigger(db, schema, table, `${table}_ids_here`, lookingFirst);
  }
}

async function makeTrigger(
  db: Kysely<Database>,
  schema: string,
  table: string,
  trigger: string,
  definition: RawBuilder<unknown>,
): Promise<void> {
  const { rows } = await sql`
    SELECT FROM pg_catalog.pg_trigger
    WHERE tgrelid = pg_catalog.format('%I.%I', ${schema}::text, ${table}::text)::regclass AND tgname = ${trigger}`.execute(
    db,
  );
  if (rows.length > 0) return;
  await db.transaction().execute(async (transaction) => {
    await sql`SELECT pg_catalog.set_config('citus.enable_unsafe_triggers', 'on', true)`.execute(transaction);
    await sql`CREATE TRIGGER ${sql.id(trigger)} BEFORE INSERT ON ${sql.id(schema, table)} ${definition}`.execute(
      transaction,
    );
  });
}

/**
 * Nothing of that is left where the tables are ordinary ones, also after they were distributed. Functions of these names that are
 * somebody else's stay. Throws the database's error.
 */
export async function removeNode(db: Kysely<Database>, schema: string): Promise<void> {
  const { rows } = await sql<{ signature: string }>`
    SELECT p.oid::regprocedure::text AS signature FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = ${schema} AND obj_description(p.oid, 'pg_proc') LIKE 'delegation-sweeper %'
      AND p.proname = ANY (${nodeFunctions({ delegations: '0' }).map(({ name }) => name)})`.execute(db);
  if (rows.length === 0) return;
  for (const { table, column } of idColumns) await raiseSequence(db, schema, table, column);
  // The triggers go with their function.
  for (const { signature } of rows) await sql`DROP FUNCTION ${sql.raw(signature)} CASCADE`.execute(db);
  await sql`DROP TABLE IF EXISTS ${sql.id(schema, NODE_TABLE)}`.execute(db);
}

/** The ids were drawn on the nodes, and the sequence of the coordinator, which a dump has, stayed behind them. */
async function raiseSequence(db: Kysely<Database>, schema: string, table: string, column: string): Promise<void> {
  const name = sql`pg_catalog.format('%I.%I', ${schema}::text, ${table}::text)`;
  await sql`
    SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(${name}, ${column}), pg_catalog.max(r.${sql.id(column)}))
    FROM ${sql.id(schema, table)} r
    HAVING pg_catalog.max(r.${sql.id(column)}) > (
      SELECT coalesce(s.last_value, 0) FROM pg_catalog.pg_sequences s
      WHERE pg_catalog.format('%I.%I', s.schemaname, s.sequencename)
        = pg_catalog.pg_get_serial_sequence(${name}, ${column}))`.execute(db);
}

/** Makes the schema an ordinary one. Throws the database's error. */
export async function undistribute(db: Kysely<Database>, schema: string): Promise<void> {
  await sql`SELECT pg_catalog.citus_schema_undistribute(${schema}::regnamespace)`.execute(db);
}

/** Moves the ledger's tables to a node. Throws the database's error. */
export async function distribute(db: Kysely<Database>, schema: string): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await sql`SELECT pg_catalog.set_config('citus.enable_unsafe_triggers', 'on', true)`.execute(transaction);
    await sql`SELECT pg_catalog.citus_schema_distribute(${schema}::regnamespace)`.execute(transaction);
  });
}
