import type { OnlineIndex } from './online-index.ts';

/**
 * The indexes that migration 0006 needs, which are built while agents write. A row that waits, or has a threshold of its
 * own, is not among the plain ones, which it would fill: it is found by the instant before which no rule can match it.
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
    // activity_logs_untransitioned also holds what is not rare: waits.
    name: 'activity_logs_late_result',
    table: 'activity_logs',
    columns: '(created_at)',
    where: `event = 'delegation.late_result'`,
  },
];
