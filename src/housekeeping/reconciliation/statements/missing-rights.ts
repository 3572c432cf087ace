import { literal } from '../../../db/literal.ts';
import { column, parameter, statement } from '../../../db/statement.ts';
import type { ReconcilerTables } from '../tables.ts';

/** What delegation_reconcile writes into the row of a delegation. */
const updated = [
  ...[
    'status',
    'deadline',
    'last_heartbeat',
    'finished_at',
    'updated_at',
    'revision',
    'error_detail',
    'result_preview',
  ],
  ...['waiting_since', 'waiting_until', 'waiting_reason'],
];
const inserted = [
  ...updated,
  ...['delegation_id', 'caller_id', 'callee_id', 'task_preview', 'idempotency_key', 'stuck_after_ms'],
  ...['stalled_after_ms', 'traceparent', 'retry_of', 'attempt', 'start_after', 'created_at'],
];

/** The role, and each right that it lacks, in words; no row where it lacks none. A dry run only reads. */
export function missingRightsStatement({ delegations, sweeperRetention, notices }: ReconcilerTables) {
  const ofTable = (table: string, name: string, privilege: string) =>
    `(${literal(table)}, ${literal(name)}, ${literal(privilege)}, NULL)`;
  const ofColumns = (privilege: string, names: readonly string[]) =>
    names.map((name) => `(${literal(delegations)}, 'delegations', ${literal(privilege)}, ${literal(name)})`);
  const needed = [
    ofTable(sweeperRetention, 'sweeper_retention', 'SELECT'),
    ...['SELECT', 'INSERT', 'DELETE'].map((privilege) => ofTable(notices, 'sweeper_notices', privilege)),
    ...ofColumns('INSERT', inserted),
    ...ofColumns('UPDATE', updated),
  ];
  return statement({
    parameters: { dryRun: parameter.boolean },
    columns: {
      role: column.text('current_user::text'),
      right: column.text(
        `n.privilege || coalesce(' (' || string_agg(n."column", ', ' ORDER BY n."column") || ')', '') || ' on ' || n.name`,
      ),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (VALUES ${needed.join(', ')}) n ("table", name, privilege, "column")
WHERE (n.privilege = 'SELECT' OR NOT $dryRun)
  AND NOT CASE WHEN n."column" IS NULL THEN pg_catalog.has_table_privilege(n."table", n.privilege)
    ELSE pg_catalog.has_column_privilege(n."table", n."column", n.privilege) END
GROUP BY n.name, n.privilege ORDER BY n.name, n.privilege`,
  });
}
