import { Statement } from '../../db/positional-statement.ts';
import type { LedgerTables } from '../tables.ts';
import type { Status } from '../transitions.ts';

/** Six hours, as the column's own default says. */
export const DEADLINE_DEFAULT_MS = 6 * 3_600_000;

export interface HolderRow {
  delegationId: string;
  status: Status;
}

/**
 * The row and its first activity. No conflict target: the id and the idempotency key each have a unique index, and a
 * conflict on either is a duplicate, not an error. No row back: another delegation holds one of them.
 * Parameters: $1 id, $2 caller, $3 callee, $4 task preview, $5 idempotency key, $6 deadline, $7 deadline in ms from now,
 * $8 request body.
 */
export function insertStatement({ delegations, activityLogs }: LedgerTables): Statement<HolderRow> {
  return new Statement(`
WITH inserted AS (
  INSERT INTO ${delegations}
    (delegation_id, caller_id, callee_id, task_preview, idempotency_key, deadline, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5,
    coalesce($6::timestamptz, statement_timestamp() + $7::float8 * interval '1 millisecond'),
    statement_timestamp(), statement_timestamp())
  ON CONFLICT DO NOTHING
  RETURNING delegation_id, status),
recorded AS (
  INSERT INTO ${activityLogs} (delegation_id, event, to_status, actor, request_body)
  SELECT delegation_id, 'delegation.' || status, status, 'ledger', $8::jsonb FROM inserted)
SELECT delegation_id AS "delegationId", status AS "status" FROM inserted`);
}

/**
 * Who holds the id, or else the caller's idempotency key. A statement of its own: the winner of a race that ended while
 * the insert waited is invisible to the insert's snapshot. Parameters: $1 id, $2 caller, $3 idempotency key.
 */
export function holderStatement({ delegations }: LedgerTables): Statement<HolderRow> {
  const columns = `delegation_id AS "delegationId", status AS "status"`;
  return new Statement(`
(SELECT ${columns} FROM ${delegations} WHERE delegation_id = $1)
UNION ALL
(SELECT ${columns} FROM ${delegations} WHERE caller_id = $2 AND idempotency_key = $3::text)
LIMIT 1`);
}
