import { type Mutant, story } from './mutant.ts';
import type { Operation } from './operation.ts';

const id = 'd0';
const pass = (ticks: number, observed = true): Operation => ({ op: 'advance', ticks, observed });
const own = (ownTicks: number): Operation => ({ op: 'adjust', id, ownTicks });
const mayStallFor = (stalledTicks: number): Operation => ({ op: 'adjust', id, stalledTicks });
const restart = (ticks: number): Operation => ({ op: 'restart', ticks });
const heartbeat: Operation = { op: 'heartbeat', id, progress: null };
const sweep: Operation = { op: 'sweep', force: false };

/** Thresholds, of a delegation's own and the daemons', with a change that breaks what they promise. */
export const mutantsOfThresholds: readonly Mutant[] = [
  {
    name: 'a threshold that shrinks under an agent that does not know',
    setup: 'sequential',
    witness: story('in_progress', own(20), pass(8), own(6), sweep),
    edits: [['IF coalesce(NEW.stuck_after_ms, in_force_ms, 600000) < effective_ms THEN', 'IF false THEN']],
  },
  {
    name: 'a bound that finds delegations with limits of their own too late',
    setup: 'sequential',
    witness: story('in_progress', own(6), heartbeat, pass(8), sweep),
    edits: [[`in_force_ms, 1000) * interval '1 millisecond'`, `in_force_ms, 1000) * interval '3 milliseconds'`]],
  },
  {
    name: 'a sweep that judges all by one threshold',
    setup: 'sequential',
    // One that may not stall for long is looked at before its own threshold has passed.
    witness: story('in_progress', { op: 'beat' }, own(20), mayStallFor(4), pass(12), sweep),
    edits: [['coalesce(d.stuck_after_ms, (CASE', 'coalesce(NULL::bigint, (CASE']],
  },
  {
    name: 'a sweep that judges by a lowered threshold before the agent was heard',
    setup: 'sequential',
    witness: story('in_progress', own(20), pass(8), own(6), sweep),
    edits: [['CASE WHEN d.lowered_at >= d.last_heartbeat THEN d.lowered_from_ms END', 'NULL::bigint']],
  },
  {
    name: 'a sweep that counts unobserved time where the threshold is a delegation’s own',
    setup: 'sequential',
    witness: story('in_progress', own(6), { op: 'beat' }, pass(8, false), { op: 'beat' }, sweep),
    edits: [[`-> 'gaps') = 0 THEN interval '0'`, `-> 'gaps') >= 0 THEN interval '0'`]],
  },
  {
    name: 'daemons that lower their threshold without a word',
    setup: 'sequential',
    witness: story('in_progress', { op: 'beat' }, restart(8), pass(9), sweep),
    edits: [['FROM previous, agreed WHERE agreed.ms < previous.ms', 'FROM previous, agreed WHERE false']],
  },
  {
    name: 'a lowered threshold that never counts',
    setup: 'sequential',
    witness: story('in_progress', { op: 'beat' }, restart(8), pass(1), heartbeat, pass(9), sweep),
    edits: [
      [
        'SET lowered_at = pg_catalog.clock_timestamp()',
        `SET lowered_at = pg_catalog.clock_timestamp() + interval '4 hours'`,
      ],
    ],
  },
  {
    name: 'a lowered threshold that counts at once where a delegation has limits of its own',
    setup: 'sequential',
    // For lack of progress it may be marked, for silence not yet.
    witness: story('in_progress', { op: 'beat' }, mayStallFor(4), restart(8), pass(9), sweep),
    edits: [[`-> 'lowerings') = 0 THEN`, `-> 'lowerings') >= 0 THEN`]],
  },
  {
    name: 'a heartbeat that is told the threshold of before',
    setup: 'sequential',
    witness: story('in_progress', { op: 'beat' }, restart(8), heartbeat),
    edits: [
      [
        'UPDATE "sweeper_threshold" t SET stuck_after_ms = agreed.ms FROM agreed',
        'UPDATE "sweeper_threshold" t SET stuck_after_ms = greatest(t.stuck_after_ms, agreed.ms) FROM agreed',
      ],
    ],
  },
];
