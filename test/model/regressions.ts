import type { Concurrent, Scenario } from './operation.ts';

export type Way = 'sequential' | 'interleaved' | 'simultaneous';

const completed: Concurrent = { op: 'setStatus', id: 'd0', to: 'completed', text: 'text-0', body: { answer: 0 } };
const heartbeat: Concurrent = { op: 'heartbeat', id: 'd0', progress: null };
const sweep: Concurrent = { op: 'sweep', force: false };

/** Two sessions at once, on a delegation that has been silent for too long. */
function raced(way: Way, rival: Concurrent, hold: 'no' | 'commit', picks: readonly number[]) {
  const sessions = [[{ operation: sweep, hold: 'no' }], [{ operation: rival, hold }]] as const;
  const step = { step: 'together', sessions, picks } as const;
  return { way, scenario: { start: ['in_progress'], callees: 1, firstSilence: 12, steps: [step] } } as const;
}

/** The first beat lowers nothing where the adjustment came before it, and both orders leave rows that look alike. */
const firstBeatBesideAdjust: Scenario = {
  start: ['in_progress'],
  callees: 1,
  firstSilence: 0,
  steps: [
    {
      step: 'together',
      sessions: [
        [{ operation: { op: 'beat' }, hold: 'no' }],
        [{ operation: { op: 'adjust', id: 'd0', ownTicks: 6 }, hold: 'no' }],
      ],
      picks: [0],
    },
    { step: 'alone', session: 0, operation: { op: 'advance', ticks: 7, observed: true } },
    { step: 'alone', session: 0, operation: sweep },
  ],
};

/**
 * Scenarios that once failed, or that must never fail, in the form in which fast-check prints a counterexample: paste new
 * ones here. Each is tried before the random ones of its kind.
 */
export const regressions: readonly { readonly way: Way; readonly scenario: Scenario }[] = [
  // The concurrent statement comes before, between and after the sweep's statements.
  ...Array.from({ length: 12 }, (_, turn) => raced('interleaved', heartbeat, 'no', [...Array(turn).fill(0), 1])),
  ...Array.from({ length: 12 }, (_, turn) => raced('interleaved', completed, 'no', [...Array(turn).fill(0), 1])),
  // The other session holds the row's lock when the sweep reaches it.
  raced('simultaneous', heartbeat, 'commit', [0]),
  raced('simultaneous', completed, 'commit', [0]),
  // Many times, since it is chance which of them is first.
  ...Array.from({ length: 20 }, () => ({ way: 'simultaneous', scenario: firstBeatBesideAdjust }) as const),
];
