import { TICK_MS } from './face.ts';
import type { Mutant } from './mutant.ts';
import type { Id, Operation, Scenario } from './operation.ts';
import { HOLD_MAX_TICKS } from './reference-sweep.ts';

const pass = (ticks: number): Operation => ({ op: 'advance', ticks, observed: true });
const sweep: Operation = { op: 'sweep', force: false };
const heard = (...ids: readonly Id[]) => ids.map((id): Operation => ({ op: 'heartbeat', id, progress: null }));

/** So many delegations of three agents, all silent for so long, through the functions of the schema. */
function silent(delegations: number, firstSilence: number, ...operations: readonly Operation[]): Scenario {
  return {
    start: Array.from({ length: delegations }, () => 'in_progress' as const),
    callees: 3,
    firstSilence,
    steps: operations.map((operation) => ({ step: 'alone', session: 1, operation }) as const),
  };
}

/**
 * Four agents whose delegations have a threshold of six ticks fall silent. The three others are heard, with thresholds of twenty
 * ticks or the daemons'.
 */
function silentAmong(otherTicks: number | null, ...operations: readonly Operation[]): Scenario {
  return {
    ...silent(7, 8, ...heard('d4', 'd5', 'd6'), ...operations),
    ownTicks: [6, 6, 6, 6, otherTicks, otherTicks, otherTicks],
  };
}

/** The storm guard, with a change that breaks it. Three together are a storm here, if they are half of all. */
export const mutantsOfStorms: readonly Mutant[] = [
  {
    name: 'a storm guard that is off',
    setup: 'plain',
    witness: silent(7, 12, sweep),
    storm: { ratio: 0 },
  },
  {
    name: 'a storm guard that needs one more than STORM_MIN_STALE',
    setup: 'plain',
    witness: silent(3, 12, sweep),
    storm: { minStale: 4 },
  },
  {
    name: 'a storm guard for which fewer than STORM_MIN_STALE are a storm',
    setup: 'plain',
    witness: silent(2, 12, sweep),
    storm: { minStale: 2 },
  },
  {
    name: 'a storm guard that needs a larger share than STORM_RATIO',
    setup: 'plain',
    witness: {
      ...silent(7, 1, pass(9), pass(1), ...heard('d4'), sweep),
      start: [null, 'in_progress', null, 'in_progress', 'in_progress', null, 'in_progress'],
      callees: 2,
    },
    storm: { ratio: 0.9 },
  },
  {
    name: 'a storm guard that holds for longer than STORM_MAX_HOLD',
    setup: 'plain',
    witness: silent(7, 12, sweep, pass(6), sweep),
    storm: { maxHoldMs: 2 * HOLD_MAX_TICKS * TICK_MS },
  },
  {
    name: 'a storm guard that lets go before STORM_MAX_HOLD',
    setup: 'plain',
    witness: silent(7, 12, sweep, pass(4), sweep),
    storm: { maxHoldMs: (HOLD_MAX_TICKS / 2) * TICK_MS },
  },
  {
    name: 'a storm guard that forgets since when it holds',
    setup: 'plain',
    witness: silent(7, 12, sweep, pass(6), sweep),
    edits: [['s.storm_held_since', '(CASE WHEN s.storm_held_since IS NOT NULL THEN clock_timestamp() END)']],
  },
  {
    name: 'a storm guard that does not notice those that come back',
    setup: 'plain',
    witness: silent(7, 12, sweep, ...heard('d0', 'd1', 'd2'), sweep, pass(1), sweep),
    edits: [
      ['d.heartbeat_bucket <= s.storm_watched_before', 'true'],
      ['d.last_heartbeat < s.storm_watched_before', 'true'],
    ],
  },
  {
    name: 'a storm guard that does not see those with thresholds of their own',
    setup: 'own',
    witness: silentAmong(null, sweep),
    edits: [['FROM special GROUP', 'FROM special WHERE false GROUP']],
  },
  {
    name: 'a storm guard that compares thresholds of six and of twenty ticks',
    setup: 'own',
    witness: {
      ...silent(7, 6, ...heard('d3', 'd4', 'd5', 'd6'), pass(2), sweep),
      ownTicks: [6, 6, 6, 20, 20, 20, 20],
    },
    edits: [['pg_catalog.floor(pg_catalog.ln(', '1 + 0 * pg_catalog.floor(pg_catalog.ln(']],
  },
  {
    name: 'a storm guard that takes those with thresholds of their own for heard again',
    setup: 'own',
    witness: silentAmong(null, sweep, ...heard('d4', 'd5', 'd6'), pass(1), sweep),
    edits: [['d.suspect_at < s.storm_watched_at', 'false']],
  },
];
