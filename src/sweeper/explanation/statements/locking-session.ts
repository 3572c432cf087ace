import { parameter, statement } from '../../../db/statement.ts';
import { sessionColumns } from '../../standing-faults/statements/session-columns.ts';
import type { SweeperTables } from '../../tables.ts';

/**
 * The session that has locked a delegation's row: that of the transaction which the row's xmax names, as long as it runs.
 * No row: none has. It locks nothing itself, so that a transaction that only reads can ask.
 */
export function lockingSessionStatement({ delegations }: SweeperTables) {
  return statement({
    parameters: { delegationId: parameter.text },
    columns: sessionColumns,
    sql: (columns) => `
SELECT ${columns}
FROM ${delegations} d
JOIN pg_locks l ON l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.transactionid = d.xmax
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE d.delegation_id = $delegationId AND d.xmax <> '0'::xid AND l.pid <> pg_backend_pid()`,
  });
}
