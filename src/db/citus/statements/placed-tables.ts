import { column, nullable, parameter, statement } from '../../statement.ts';

/** Whether the database has Citus, and whether its catalogue knows distributed schemas (Citus 12 and later). */
export function citusStatement() {
  return statement({
    columns: {
      isThere: column.boolean(`pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL`),
      knowsSchemas: column.boolean(`pg_catalog.to_regclass('pg_catalog.pg_dist_schema') IS NOT NULL`),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}

/** Where Citus has the tables of these schemas. Only where citusStatement says that it is there. */
export function placedTablesStatement() {
  return statement({
    parameters: { schemas: parameter.texts },
    columns: {
      schema: column.text('n.nspname::text'),
      table: nullable(column.text('c.relname::text')),
      /** Of a distributed schema: what its tables have in common; null for an ordinary schema. */
      schemaColocation: nullable(column.wholeNumber('s.colocationid')),
      /** `h`, `a`, `r`: by rows. `n`: as a whole. Null: Citus does not know the table. */
      method: nullable(column.text('p.partmethod::text')),
      /** `t`: a copy on every node. */
      replication: nullable(column.text('p.repmodel::text')),
      colocation: nullable(column.wholeNumber('p.colocationid')),
      /** As text: the part of its name behind the table's. */
      shard: nullable(
        column.text('(SELECT min(h.shardid)::text FROM pg_catalog.pg_dist_shard h WHERE h.logicalrelid = c.oid)'),
      ),
      /** 0: this session is on the coordinator. */
      group: nullable(column.wholeNumber('(SELECT g.groupid FROM pg_catalog.pg_dist_local_group g LIMIT 1)')),
    },
    sql: (columns) => `
SELECT ${columns}
FROM pg_catalog.pg_namespace n
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
LEFT JOIN pg_catalog.pg_dist_partition p ON p.logicalrelid = c.oid
LEFT JOIN pg_catalog.pg_dist_schema s ON s.schemaid = n.oid
WHERE n.nspname = ANY($schemas)
ORDER BY n.nspname, c.relname`,
  });
}
