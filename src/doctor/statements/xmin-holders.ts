import { column, nullable, statement } from '../../db/statement.ts';

export const holderKinds = ['prepared transaction', 'replication slot', 'standby'] as const;

/** What, beside a session's snapshot, keeps vacuum from removing dead rows; the oldest first. */
export function xminHoldersStatement() {
  return statement({
    columns: {
      kind: column.oneOf(holderKinds, 'h.kind'),
      name: column.text('h.name'),
      /** Transactions since. */
      xidAge: nullable(column.wholeNumber('h.xid_age')),
      /** The same for the system catalogue alone: it holds nothing of the ledger's tables back. */
      catalogXidAge: nullable(column.wholeNumber('h.catalog_xid_age')),
      ageMs: nullable(column.wholeNumber('extract(epoch FROM clock_timestamp() - h.since) * 1000')),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT 'prepared transaction' AS kind, p.gid AS name, pg_catalog.age(p.transaction) AS xid_age,
    NULL::integer AS catalog_xid_age, p.prepared AS since
  FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database()
  UNION ALL
  SELECT 'replication slot', s.slot_name::text, pg_catalog.age(s.xmin), pg_catalog.age(s.catalog_xmin), NULL
  FROM pg_catalog.pg_replication_slots s WHERE s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL
  UNION ALL
  SELECT 'standby', r.application_name, pg_catalog.age(r.backend_xmin), NULL, NULL
  FROM pg_catalog.pg_stat_replication r WHERE r.backend_xmin IS NOT NULL) h
ORDER BY h.xid_age DESC NULLS LAST, h.catalog_xid_age DESC LIMIT 20`,
  });
}
