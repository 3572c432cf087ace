import { literal } from '../../../db/literal.ts';
import { column, statement } from '../../../db/statement.ts';
import { type Rule, ruleParameters } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import { sessionColumns } from './session-columns.ts';

/** Locked rows that one sweep logs, and rows examined to find them. */
const ROWS_LOGGED_MAX = 20;
const ROWS_EXAMINED_MAX = 1000;

/**
 * Rows that match the rule and that another session keeps locked, so that no sweep can take them, each with that session.
 * The lock's holder is the transaction that the row's xmax names. Where that is a savepoint, as for a heartbeat inside a
 * caller's transaction, PostgreSQL does not show whose: it is the only session that has locks on the table and is old
 * enough; where there are several, the session stays null. So does what pg_stat_activity hides from the daemon's role:
 * grant it pg_read_all_stats.
 */
export function lockedRowsStatement({ delegations }: SweeperTables, rule: Rule) {
  return statement({
    parameters: ruleParameters,
    columns: { delegationId: column.text('t.delegation_id'), ...sessionColumns },
    sql: (columns) => `
WITH touched AS MATERIALIZED (
  SELECT d.delegation_id, d.xmax AS xid FROM ${delegations} d
  WHERE ${rule.matches} AND d.xmax <> '0'::xid ORDER BY d.${rule.key}, d.delegation_id LIMIT ${ROWS_EXAMINED_MAX}),
-- xmax also names transactions that have ended since; whether the row can be locked shows which.
free AS MATERIALIZED (
  SELECT d.delegation_id FROM ${delegations} d
  WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM touched)) FOR NO KEY UPDATE SKIP LOCKED),
locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted AND pid <> pg_backend_pid()),
users AS MATERIALIZED (
  SELECT DISTINCT a.pid, a.backend_xid AS xid FROM locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.relation = ${literal(delegations)}::regclass AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
    AND a.datname = current_database() AND a.backend_xid IS NOT NULL)
SELECT ${columns}
FROM touched t
LEFT JOIN locks l ON l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.transactionid = t.xid
LEFT JOIN pg_stat_activity a
  ON a.pid = coalesce(l.pid, (SELECT min(u.pid) FROM users u WHERE age(u.xid) > age(t.xid) HAVING count(*) = 1))
WHERE t.delegation_id NOT IN (SELECT delegation_id FROM free)
LIMIT ${ROWS_LOGGED_MAX}`,
  });
}
