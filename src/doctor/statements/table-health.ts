import { column, nullable, parameter, statement } from '../../db/statement.ts';

const msSince = (instant: string) => `extract(epoch FROM clock_timestamp() - ${instant}) * 1000`;

/** The statistics and settings of the ledger's tables. */
export function tableHealthStatement() {
  return statement({
    parameters: { schema: parameter.text, tables: parameter.texts },
    columns: {
      table: column.text('c.relname::text'),
      liveRows: column.wholeNumber('coalesce(s.n_live_tup, 0)'),
      deadRows: column.wholeNumber('coalesce(s.n_dead_tup, 0)'),
      inserts: column.wholeNumber('coalesce(s.n_tup_ins, 0)'),
      updates: column.wholeNumber('coalesce(s.n_tup_upd, 0)'),
      hotUpdates: column.wholeNumber('coalesce(s.n_tup_hot_upd, 0)'),
      /** By whichever: autovacuum, or a person. */
      vacuumedAgoMs: nullable(column.wholeNumber(msSince('greatest(s.last_vacuum, s.last_autovacuum)'))),
      settings: column.json<readonly string[]>(`to_json(coalesce(c.reloptions, '{}'))`),
      xidAge: column.wholeNumber('pg_catalog.age(c.relfrozenxid)'),
      bytes: column.wholeNumber('pg_catalog.pg_table_size(c.oid)'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
WHERE n.nspname = $schema AND c.relname = ANY($tables) AND c.relkind = 'r' ORDER BY c.relname`,
  });
}
