import type { Queryable } from './wait-for.ts';

/**
 * Tables of the names and columns of Citus's catalogue, in pg_catalog, so that what reads it does so without Citus. The
 * superuser of the tests may make them.
 */
export async function makeCitusCatalogue(database: Queryable, { release = 13 } = {}): Promise<void> {
  await inCatalogue(
    database,
    `CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass NOT NULL, partmethod "char" NOT NULL, partkey text,
       colocationid integer NOT NULL DEFAULT 0, repmodel "char" NOT NULL DEFAULT 's');
     CREATE TABLE pg_catalog.pg_dist_shard (logicalrelid regclass NOT NULL, shardid bigint NOT NULL);
     CREATE TABLE pg_catalog.pg_dist_placement (placementid bigint, shardid bigint NOT NULL, groupid integer NOT NULL);
     CREATE TABLE pg_catalog.pg_dist_local_group (groupid integer NOT NULL);
     INSERT INTO pg_catalog.pg_dist_local_group VALUES (0);
     ${release >= 12 ? 'CREATE TABLE pg_catalog.pg_dist_schema (schemaid oid NOT NULL, colocationid integer NOT NULL);' : ''}
     GRANT SELECT ON ALL TABLES IN SCHEMA pg_catalog TO PUBLIC`,
  );
}

/** As Citus would note a table. `method`: `n` as a whole, `h` by rows. */
export function placeTable(
  database: Queryable,
  table: string,
  { method = 'n', colocation = 0, replication = 's', shard = 102_008 } = {},
): Promise<void> {
  return inCatalogue(
    database,
    `INSERT INTO pg_catalog.pg_dist_partition VALUES ('${table}', '${method}', NULL, ${colocation}, '${replication}');
     INSERT INTO pg_catalog.pg_dist_shard VALUES ('${table}', ${shard})`,
  );
}

/** As citus_schema_distribute would. */
export function placeSchema(database: Queryable, schema: string, colocation: number): Promise<void> {
  return inCatalogue(
    database,
    `INSERT INTO pg_catalog.pg_dist_schema VALUES ('"${schema}"'::regnamespace, ${colocation})`,
  );
}

export async function inCatalogue(database: Queryable, sql: string): Promise<void> {
  await database.query(`SET LOCAL allow_system_table_mods = on; ${sql}`);
}
