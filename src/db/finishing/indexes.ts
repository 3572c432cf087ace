import type { OnlineIndex } from './online-index.ts';

/**
 * The indexes of migrations 0006 and later, built while agents write. A row that waits or has its own threshold is not in
 * the index of the plain ones, where it would remain for long: it is found by the instant before which no rule can match it.
 */
export const onlineIndexes: readonly OnlineIndex[] = [
  {
    name: 'delegations_suspect',
    table: 'delegations',
    columns: '(suspect_at, delegation_id)',
    where: `status = 'in_progress' AND suspect_at IS NOT NULL`,
  },
  {
    name: 'delegations_heartbeat_plain',
    table: 'delegations',
    columns: '(heartbeat_bucket, delegation_id)',
    where: `status = 'in_progress' AND suspect_at IS NULL`,
  },
  {
    // activity_logs_untransitioned would also hold waits, which are frequent.
    name: 'activity_logs_late_result',
    table: 'activity_logs',
    columns: '(created_at)',
    where: `event = 'delegation.late_result'`,
  },
  {
    // A delegation is tried again once: of two retries that race, the second finds the first.
    name: 'delegations_retry_of',
    table: 'delegations',
    columns: '(retry_of)',
    where: 'retry_of IS NOT NULL',
    isUnique: true,
  },
  {
    // What an agent left undone since some time, to try it again.
    name: 'delegations_given_up',
    table: 'delegations',
    columns: '(callee_id, finished_at, delegation_id)',
    where: `status IN ('failed', 'stuck')`,
  },
  {
    // What a sweep marked, to try it again. Sweeps between the ticks are merged in sweeper_sweeps, their marks are not.
    name: 'activity_logs_sweep',
    table: 'activity_logs',
    columns: `((detail ->> 'sweepId'), activity_id)`,
    where: `actor = 'sweeper' AND to_status IS NOT NULL`,
  },
];

/**
 * Of migration 0001, over all rows in progress: delegations_heartbeat_plain has taken its place. Kept, every heartbeat that
 * changes its bucket would write both. A daemon of 0.1.0 reads the table instead until it is replaced.
 */
export const REPLACED_INDEX = 'delegations_heartbeat_bucket';
