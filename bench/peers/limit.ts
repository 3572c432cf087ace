import type { LedgerDatabase } from '../ledger-database.ts';

/**
 * The limit: what PostgreSQL needs to write the same rows, by one statement in one transaction, on the ledger's
 * own tables. No batches, no lock before the judgement, no evidence for the log, no lease. It counts the revision, as a writer does
 * that records its activity itself: without that the database looks at commit, row by row, whether one is missing.
 */
export const LIMIT_SQL = `
WITH moved AS (
  UPDATE delegations d SET status = 'stuck', revision = d.revision + 1, updated_at = clock_timestamp(), finished_at = clock_timestamp(),
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

/** The same for a fleet of which a third each is overdue, silent, and without progress. */
const LIMIT_OF_THREE_RULES_SQL = `
WITH moved AS (
  UPDATE delegations d SET status = CASE WHEN d.deadline < now() THEN 'failed' ELSE 'stuck' END,
    revision = d.revision + 1,
    updated_at = clock_timestamp(), finished_at = clock_timestamp(), suspect_at = NULL,
    error_detail = CASE WHEN d.deadline < now() THEN 'deadline exceeded'
      WHEN d.stalled_after_ms IS NULL THEN 'no heartbeat for ' || floor(extract(epoch FROM now() - d.last_heartbeat)) || 's'
      ELSE 'no progress for ' || floor(extract(epoch FROM now() - d.stalled_from)) || 's' END
  WHERE d.status = 'in_progress'
  RETURNING d.delegation_id, d.status, d.last_heartbeat, d.deadline, d.stalled_after_ms)
INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor, detail)
SELECT delegation_id, 'delegation.' || status, 'in_progress', status, 'sweeper',
  jsonb_build_object('rule', CASE WHEN status = 'failed' THEN 'overdue' WHEN stalled_after_ms IS NULL THEN 'stale' ELSE 'stalled' END,
    'sweepId', gen_random_uuid()::text, 'lastHeartbeat', last_heartbeat, 'deadline', deadline, 'stuckAfterMs', 600000::float8,
    'silentMs', floor(date_part('epoch', now() - last_heartbeat) * 1000))
FROM moved`;

export async function runLimitOfThreeRules(database: LedgerDatabase): Promise<void> {
  await database.query(LIMIT_OF_THREE_RULES_SQL);
}

export async function runLimit(database: LedgerDatabase): Promise<void> {
  await database.query(LIMIT_SQL);
}
