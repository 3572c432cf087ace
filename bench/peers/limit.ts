import type { LedgerDatabase } from '../ledger-database.ts';

/**
 * The limit: what PostgreSQL needs to write the same rows, by one statement in one transaction, on the ledger's
 * own tables. No batches, no lock before the judgement, no evidence for the log, no lease.
 */
export const LIMIT_SQL = `
WITH moved AS (
  UPDATE delegations d SET status = 'stuck', updated_at = clock_timestamp(), finished_at = clock_timestamp(),
    error_detail = 'no heartbeat for ' || floor(extract(epoch FROM now() - d.last_heartbeat)) || 's'
  WHERE d.status = 'in_progress' AND d.heartbeat_bucket <= now() - interval '10 minutes'
    AND d.last_heartbeat < now() - interval '10 minutes' AND d.deadline >= now()
  RETURNING d.delegation_id, d.last_heartbeat, d.deadline)
INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor, detail)
SELECT delegation_id, 'delegation.stuck', 'in_progress', 'stuck', 'sweeper',
  jsonb_build_object('rule', 'stale', 'sweepId', gen_random_uuid()::text, 'lastHeartbeat', last_heartbeat,
    'deadline', deadline, 'stuckAfterMs', 600000::float8,
    'silentMs', floor(date_part('epoch', now() - last_heartbeat) * 1000))
FROM moved`;

export async function runLimit(database: LedgerDatabase): Promise<void> {
  await database.query(LIMIT_SQL);
}
