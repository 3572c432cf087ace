import { NODE_TABLE } from '../../../db/citus/placement.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { LOCK_TIMEOUT_MS } from '../../rounds/statements/of-each-ledger.ts';

/**
 * The number that each ledger's activities were last given, and from which transaction on some may be running; in the order of the ledgers. Every insert
 * and transition draws one, so where it stays the same nothing has begun. It costs a page per ledger, and no plan. NULL: it cannot be read, it does not
 * move with each activity since sessions take several at once, or the ledger is on a node of Citus, where others are drawn.
 */
export function lastActivitiesStatement() {
  return statement({
    parameters: { ledgers: parameter.texts },
    columns: {
      ledger: column.text('n.name'),
      drawn: nullable(
        column.text(`CASE WHEN s.sequence IS NOT NULL AND s.node IS NULL AND has_sequence_privilege(s.sequence, 'USAGE, SELECT')
    AND (SELECT q.seqcache = 1 FROM pg_catalog.pg_sequence q WHERE q.seqrelid = s.sequence)
    THEN coalesce(pg_sequence_last_value(s.sequence), 0)::text END`),
      ),
      runningFrom: column.text('pg_snapshot_xmin(pg_current_snapshot())::text'),
    },
    // The limit is set before the first sequence is read.
    sql: (columns) => `
WITH limited AS MATERIALIZED (SELECT set_config('lock_timeout', '${LOCK_TIMEOUT_MS}', true))
SELECT ${columns}
FROM limited, unnest($ledgers) WITH ORDINALITY n (name, nth), LATERAL (
  SELECT ${registered('activity_logs_activity_id_seq')} AS sequence, ${registered(NODE_TABLE)} AS node) s
ORDER BY n.nth`,
  });
}

/** to_regclass fails for a name in a schema without this right. */
const registered = (name: string) =>
  `CASE WHEN has_schema_privilege(to_regnamespace(quote_ident(n.name)), 'USAGE') THEN to_regclass(format('%I.${name}', n.name)) END`;
