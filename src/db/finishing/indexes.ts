import type { OnlineIndex } from './online-index.ts';

/** Built while agents write. */
export const onlineIndexes: readonly OnlineIndex[] = [...ofMeaning(), ...ofListing(), ...ofRetries()];

/**
 * Of migration 0006. A row that waits or has its own threshold is not in the index
 * of the plain ones, where it would remain for long: it is found by the instant before which no rule can match it.
 */
function ofMeaning(): OnlineIndex[] {
  return [
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
  ];
}

/**
 * Of migration 0008, for `ledger.list`: each begins with what is asked for and goes on in the order of the list. Status is a
 * column of each, so that a rare one is found at once among many rows of its caller.
 *
 * "C" and "POSIX" are two names of one collation, and an index serves only a condition that names the collation of its column.
 * So each list can use one of these indexes and no other, whatever the statistics are, and no other statement can use any.
 */
function ofListing(): OnlineIndex[] {
  const table = 'delegations';
  const newest = 'created_at, delegation_id';
  return [
    { name: 'delegations_by_status', table, columns: `(status COLLATE "C", ${newest})` },
    { name: 'delegations_by_caller', table, columns: `(caller_id COLLATE "C", status COLLATE "POSIX", ${newest})` },
    { name: 'delegations_by_callee', table, columns: `(callee_id COLLATE "C", status COLLATE "POSIX", ${newest})` },
    {
      name: 'delegations_by_pair',
      table,
      columns: `(caller_id COLLATE "POSIX", callee_id COLLATE "POSIX", status COLLATE "POSIX", ${newest})`,
    },
  ];
}

/** Of migration 0009, for what is tried again. */
function ofRetries(): OnlineIndex[] {
  return [
    {
      // A delegation is tried again once: of two retries that race, the second finds the first.
      name: 'delegations_retry_of',
      table: 'delegations',
      columns: '(retry_of)',
      where: 'retry_of IS NOT NULL',
      isUnique: true,
    },
    {
      // What an agent left undone since some time.
      name: 'delegations_given_up',
      table: 'delegations',
      columns: '(callee_id, finished_at, delegation_id)',
      where: `status IN ('failed', 'stuck')`,
    },
    {
      // What a sweep marked. Sweeps between the ticks are merged in sweeper_sweeps, their marks are not.
      name: 'activity_logs_sweep',
      table: 'activity_logs',
      columns: `((detail ->> 'sweepId'), activity_id)`,
      where: `actor = 'sweeper' AND to_status IS NOT NULL`,
    },
  ];
}

/**
 * Of migration 0001, over all rows in progress: delegations_heartbeat_plain has taken its place. Kept, every heartbeat that
 * changes its bucket would write both. A daemon of 0.1.0 reads the table instead until it is replaced.
 */
export const REPLACED_INDEX = 'delegations_heartbeat_bucket';
