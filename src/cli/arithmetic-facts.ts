import { visible } from '../log/visible.ts';
import { duration } from '../ops/page/format.ts';
import type { NotCounted, Silence, ThresholdSource, Verdict } from '../sweeper/explanation/verdict.ts';
import { type Fact, facts, when } from './fact.ts';

const heardBy = { entry: 'it began', heartbeat: 'heartbeat', resume: 'resume', end_of_wait: 'end of its wait' };

const sources: Readonly<Record<ThresholdSource, string>> = {
  own: 'its own',
  own_lowered: 'its own of before',
  stuck_after: 'STUCK_AFTER, on which the daemons agreed',
  stuck_after_lowered: 'STUCK_AFTER of before',
  configuration: 'STUCK_AFTER of this command; no daemon has run yet',
};

const kinds = {
  unwatched: 'no daemon watched',
  clock_jump: "the database's clock was set forward",
  rewound: 'the database or its clock went back',
};

/** How a sweep judges a delegation now. */
export function arithmeticFacts(
  { rule, due, silence, progress, waiting, deadline, poisoned, lockedBy }: Verdict,
  now: string,
): Fact[] {
  return [
    ['rule that matches', rule ?? 'none'] as const,
    ...(silence === null ? [] : silenceFacts(silence, now)),
    ...facts({
      waiting:
        waiting &&
        `${when(waiting.since, now)} until ${when(waiting.until, now)}: ${visible(waiting.reason)}${waiting.isOver ? '; over, without a resume' : ''}`,
      progress:
        progress && (progress.text === null ? 'none yet' : `${visible(progress.text)}, ${when(progress.at, now)}`),
      'without progress':
        progress &&
        `${duration(progress.observedMs)} observed since ${when(progress.countsFrom, now)}; ${duration(progress.stalledAfterMs)} allowed`,
      deadline: `${when(deadline.at, now)}${deadline.jumpedMs > 0 ? `, ${duration(deadline.jumpedMs)} later since the clock was set forward` : ''}`,
    }),
    ...due.map(
      ({ rule: name, at, isPassed }): Fact => [
        `${name} ${isPassed ? 'since' : 'from'}`,
        `${when(at, now)}${isPassed ? '' : ', if nothing is heard'}`,
      ],
    ),
    ...facts({
      poisoned: poisoned && `the database refused its mark; logged ${when(poisoned.loggedAt, now)} as sweep.poisoned`,
      locked: lockedBy && `by another session: ${lockWords(lockedBy)}`,
    }),
  ];
}

export function notCountedFacts(gaps: readonly NotCounted[]): Fact[] {
  return gaps.map(
    ({ start, end, kind, isOpen, ms }): Fact => [
      'not counted',
      `${duration(ms)}: ${start} to ${isOpen ? 'now' : end}, ${kinds[kind]}`,
    ],
  );
}

function silenceFacts(
  { heardAt, heardBy: by, wallMs, notCounted, observedMs, threshold }: Silence,
  now: string,
): Fact[] {
  const { ms, source, lowered } = threshold;
  const was =
    lowered === null
      ? ''
      : `; lowered to ${duration(lowered.toMs)} ${when(lowered.at, now)}, which its agent has not learnt yet`;
  return [
    ['last heard', `${when(heardAt, now)}, ${heardBy[by]}`],
    ['silent by the clock', duration(wallMs)],
    ...notCountedFacts(notCounted),
    ['silent, observed', duration(observedMs)],
    ['allowed', `${duration(ms)}: ${sources[source]}${was}`],
  ];
}

function lockWords({ pid, user, applicationName, state, transactionAgeMs }: NonNullable<Verdict['lockedBy']>): string {
  const age = transactionAgeMs === null ? null : `its transaction is ${duration(transactionAgeMs)} old`;
  const known = [pid === null ? null : `pid ${pid}`, user, applicationName, state, age].filter(
    (part) => part !== null && part !== '',
  );
  return known.length === 0 ? 'unknown to this role' : visible(known.join(', '));
}
