import { type Gap, observedUsSince } from '../horizon.ts';
import { type IsoInstant, isoOf, type Micros, wholeMs } from '../instant.ts';
import { dueAtUs } from '../on-time/due.ts';
import type { RuleName } from '../pass/rules.ts';
import { rules } from '../pass/rules.ts';
import type { Judgement } from '../threshold/staleness.ts';
import type { JudgedRow } from './statements/judged-row.ts';
import { thresholdOf } from './threshold-of.ts';
import type { Timeline } from './timeline.ts';
import type { DueRule, HeardBy, LockingSession, NotCounted, Silence, Verdict } from './verdict.ts';

/** What is known beside the row. */
export interface Circumstances {
  readonly judgement: Judgement;
  /** No daemon has stored a threshold yet. */
  readonly isUntold: boolean;
  readonly timeline: Timeline;
  readonly lockedBy: LockingSession | null;
}

/** Pure: how a sweep judges an open delegation. Which rule it matches, and when, the sweep's own SQL has said. */
export function verdictOf(row: JudgedRow, { judgement, isUntold, timeline, lockedBy }: Circumstances): Verdict {
  const { nowUs, gaps, staleness } = judgement;
  const { isInProgress, waitingSince, waitingUntil, waitingReason, poisonedAt } = row;
  const isWaitKnown = waitingSince !== null && waitingUntil !== null && waitingReason !== null;
  return {
    rule: rules.find(({ scan }) => row.matches.includes(scan))?.name ?? null,
    due: dueOf(row, judgement),
    silence: isInProgress ? silenceOf(row, judgement, { isUntold, timeline }) : null,
    progress:
      isInProgress && row.stalledAfterMs !== null && row.progressedUs !== null
        ? {
            text: row.progress,
            at: row.progressAt?.toISOString() ?? null,
            countsFrom: isoOf(row.progressedUs),
            observedMs: wholeMs(observedUs(row.progressedUs, nowUs, gaps, staleness.rewoundUs)),
            stalledAfterMs: row.stalledAfterMs,
          }
        : null,
    waiting: isWaitKnown
      ? {
          since: waitingSince.toISOString(),
          until: waitingUntil.toISOString(),
          reason: waitingReason,
          isOver: !row.isWaiting,
        }
      : null,
    deadline: {
      at: row.deadline.toISOString(),
      jumpedMs: row.jumpedMs,
      leftMs: wholeMs(row.deadlineUs - nowUs) + row.jumpedMs,
    },
    poisoned: poisonedAt === null ? null : { loggedAt: poisonedAt.toISOString() },
    lockedBy,
  };
}

/** When each rule comes to match, the first one first. */
function dueOf(row: JudgedRow, { nowUs, gaps }: Judgement): readonly DueRule[] {
  const due: { rule: RuleName; us: Micros }[] = [{ rule: 'overdue', us: row.deadlineUs + row.jumpedMs * 1000 }];
  // The instant at which a row came due, where it has: gaps that came after do not count.
  const at = (us: Micros, sinceUs: Micros, ms: number) => (us < nowUs ? Math.min(us, dueAtUs(sinceUs, ms, gaps)) : us);
  const { isInProgress, silentAtUs, heardUs, thresholdMs, stalledAtUs, progressedUs, stalledAfterMs } = row;
  if (isInProgress && silentAtUs !== null && heardUs !== null && thresholdMs !== null) {
    due.push({ rule: 'stale', us: at(silentAtUs, heardUs, thresholdMs) });
  }
  if (isInProgress && stalledAtUs !== null && progressedUs !== null && stalledAfterMs !== null) {
    due.push({ rule: 'stalled', us: at(stalledAtUs, progressedUs, stalledAfterMs) });
  }
  return due.sort((a, b) => a.us - b.us).map(({ rule, us }) => ({ rule, at: isoOf(us), isPassed: us < nowUs }));
}

function silenceOf(
  row: JudgedRow,
  judgement: Judgement,
  { isUntold, timeline }: Pick<Circumstances, 'isUntold' | 'timeline'>,
): Silence | null {
  const { heardUs } = row;
  const threshold = thresholdOf(row, judgement, isUntold);
  if (heardUs === null || threshold === null) return null;
  const { nowUs, gaps, staleness } = judgement;
  return {
    heardAt: isoOf(heardUs),
    heardBy: heardBy(row, isoOf(heardUs), timeline),
    wallMs: Math.max(0, wholeMs(nowUs - heardUs)),
    notCounted: notCounted(heardUs, nowUs, gaps),
    observedMs: wholeMs(observedUs(heardUs, nowUs, gaps, staleness.rewoundUs)),
    threshold,
  };
}

/** Observed time; 0 where the instant is still to come. Nothing from before the database was rewound counts. */
function observedUs(sinceUs: Micros, nowUs: Micros, gaps: readonly Gap[], rewoundUs: Micros | null): number {
  const trustedUs = Math.max(sinceUs, rewoundUs ?? sinceUs);
  return trustedUs >= nowUs ? 0 : Math.max(0, observedUsSince(trustedUs, nowUs, gaps));
}

/** The parts of the gaps between two instants that do not count. The gap that ends at `untilUs` is still open. */
export function notCounted(sinceUs: Micros, untilUs: Micros, gaps: readonly Gap[]): readonly NotCounted[] {
  const rewound = gaps.filter(({ kind, endUs }) => kind === 'rewound' && endUs > sinceUs && endUs <= untilUs);
  const trustedUs = rewound.reduce((us, { endUs }) => Math.max(us, endUs), sinceUs);
  const newest = rewound.find(({ endUs }) => endUs === trustedUs);
  const counted = gaps
    .filter(({ startUs, endUs }) => endUs > trustedUs && startUs < untilUs)
    .toSorted((a, b) => a.startUs - b.startUs);
  return [
    // All that was heard before is not trusted.
    ...(newest === undefined ? [] : [{ ...newest, startUs: sinceUs }]),
    ...counted,
  ].map(({ startUs, endUs, kind = 'unwatched' }) => ({
    start: isoOf(startUs),
    end: isoOf(endUs),
    kind,
    isOpen: endUs === untilUs,
    ms: wholeMs(Math.min(endUs, untilUs) - Math.max(startUs, kind === 'rewound' ? sinceUs : trustedUs)),
  }));
}

/** What the heartbeat was: an entry and a resume are recorded at once, and stamp it just before. */
function heardBy({ waitingUntil, lastHeartbeat }: JudgedRow, heardAt: IsoInstant, timeline: Timeline): HeardBy {
  if (waitingUntil !== null && waitingUntil.toISOString() === heardAt) {
    if (lastHeartbeat === null || lastHeartbeat < waitingUntil) return 'end_of_wait';
  }
  const since = [...timeline.first, ...timeline.last].filter(({ at }) => at >= heardAt);
  if (since.some(({ event }) => event === 'delegation.resumed')) return 'resume';
  return since.some(({ toStatus }) => toStatus === 'in_progress') ? 'entry' : 'heartbeat';
}
