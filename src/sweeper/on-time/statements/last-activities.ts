import { NODE_TABLE } from '../../../db/citus/placement.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';

/**
 * The number that each ledger's activities were last given, and from which transaction on some may be running. Every insert and transition draws one, so
 * where it stays the same nothing has begun. It costs a page per ledger, and no plan. NULL: it cannot be read, or the ledger is on a
 * node of Citus, where others are drawn.
 */
export function lastActivitiesStatement() {
  return statement({
    parameters: { ledgers: parameter.texts },
    columns: {
      ledger: column.text('n.name'),
      drawn: nullable(
        column.text(`CASE WHEN s.sequence IS NOT NULL AND s.node IS NULL AND has_sequence_privilege(s.sequence, 'USAGE, SELECT')
    THEN coalesce(pg_sequence_last_value(s.sequence), 0)::text END`),
      ),
      runningFrom: column.text('pg_snapshot_xmin(pg_current_snapshot())::text'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM unnest($ledgers) n (name), LATERAL (
  SELECT ${registered('activity_logs_activity_id_seq')} AS sequence, ${registered(NODE_TABLE)} AS node) s`,
  });
}

/** to_regclass fails for a name in a schema without this right. */
const registered = (name: string) =>
  `CASE WHEN has_schema_privilege(to_regnamespace(quote_ident(n.name)), 'USAGE') THEN to_regclass(format('%I.${name}', n.name)) END`;
