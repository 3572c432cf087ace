import { listingHash } from './listing-hash.ts';
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
 * For `ledger.list`: each begins with what is asked for and goes on in the order of the list. Status is a part of each, so that
 * a rare one is found at once among many rows of its caller. Every transition writes all of them, so the ids are hashed: an
 * entry of eight bytes for ids of up to 200 characters, compared as a number.
 *
 * An index serves only a condition that names the expression or the collation of its column. So each list can use one of
 * these indexes and no other, whatever the statistics are, and no other statement can use any.
 */
function ofListing(): OnlineIndex[] {
  const table = 'delegations';
  const newest = 'created_at, delegation_id';
  return [
    // Of migration 0008.
    { name: 'delegations_by_status', table, columns: `(status COLLATE "C", ${newest})` },
    // Of migration 0017.
    { name: 'delegations_of_caller', table, columns: `(${listingHash(['caller_id'], 'status')}, ${newest})` },
    { name: 'delegations_of_callee', table, columns: `(${listingHash(['callee_id'], 'status')}, ${newest})` },
    {
      name: 'delegations_of_pair',
      table,
      columns: `(${listingHash(['caller_id', 'callee_id'], 'status')}, ${newest})`,
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

/** Dropped once those that replace them are built. */
export const replacedIndexes: readonly string[] = [
  // Of migration 0001, over all rows in progress: delegations_heartbeat_plain has taken its place. Kept, every heartbeat that
  // changes its bucket would write both. A daemon of 0.1.0 reads the table instead until it is replaced.
  'delegations_heartbeat_bucket',
  // Of migration 0008, over the ids themselves.
  'delegations_by_caller',
  'delegations_by_callee',
  'delegations_by_pair',
];
