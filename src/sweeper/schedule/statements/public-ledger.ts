import { column, statement } from '../../../db/statement.ts';

/** Whether there is a ledger in the schema `public`. */
export const publicLedgerStatement = () =>
  statement({
    columns: {
      exists: column.boolean(`EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relname = 'sweeper_state')`),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
