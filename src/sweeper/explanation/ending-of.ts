import { isStatus, type Status } from '../../ledger/transitions.ts';
import type { Gap } from '../horizon.ts';
import { type IsoInstant, MICROS_PER_MS } from '../instant.ts';
import { type RuleName, ruleNames } from '../pass/rules.ts';
import type { Ending, LateResult, MarkEvidence } from './ending.ts';
import type { ActivityEntry } from './statements/activity.ts';
import { notCounted } from './verdict-of.ts';

/** Late results that are listed. */
export const LATE_RESULTS_MAX = 20;

export interface EndingParts {
  readonly status: Status;
  readonly finishedAt: Date;
  /** The activity that ended it; null: it is gone. */
  readonly end: ActivityEntry | null;
  /** One more than are listed, where there are more. */
  readonly lateResults: readonly ActivityEntry[];
  /** The recorded ones. */
  readonly gaps: readonly Gap[];
  readonly retriedAs: string | null;
}

/** Pure: how a delegation ended. */
export function endingOf({ status, finishedAt, end, lateResults, gaps, retriedAs }: EndingParts): Ending {
  return {
    status,
    at: finishedAt.toISOString(),
    actor: end?.actor ?? null,
    mark: end?.actor === 'sweeper' ? markOf(end, gaps) : null,
    lateResults: lateResults.slice(0, LATE_RESULTS_MAX).flatMap((result) => lateResultOf(result, finishedAt)),
    lateResultsCutShort: lateResults.length > LATE_RESULTS_MAX,
    retriedAs,
  };
}

function markOf({ at, fromStatus, detail }: ActivityEntry, gaps: readonly Gap[]): MarkEvidence | null {
  const { rule, sweepId, probe } = detail ?? {};
  if (!isRule(rule) || typeof sweepId !== 'string') return null;
  const allowed = { overdue: null, stale: 'stuckAfterMs', stalled: 'stalledAfterMs' }[rule];
  const latenessMs = numberOf(detail?.[rule === 'overdue' ? 'overdueMs' : 'silentMs']) ?? 0;
  const markedUs = at.getTime() * MICROS_PER_MS;
  return {
    sweepId,
    rule,
    fromStatus,
    latenessMs,
    allowedMs: allowed === null ? null : numberOf(detail?.[allowed]),
    lastHeartbeat: instantOf(detail?.lastHeartbeat),
    deadline: instantOf(detail?.deadline),
    progress: textOf(detail?.progress),
    progressAt: instantOf(detail?.progressAt),
    notCounted: rule === 'overdue' ? [] : notCounted(markedUs - latenessMs * MICROS_PER_MS, markedUs, gaps),
    probe: probeOf(probe),
  };
}

function lateResultOf({ at, actor, detail }: ActivityEntry, finishedAt: Date): LateResult[] {
  const attempted = detail?.attempted;
  if (!isStatus(attempted)) return [];
  return [
    {
      at: at.toISOString(),
      afterMs: at.getTime() - finishedAt.getTime(),
      status: attempted,
      actor,
      resultPreview: textOf(detail?.resultPreview),
      errorDetail: textOf(detail?.errorDetail),
    },
  ];
}

function probeOf(probe: unknown): MarkEvidence['probe'] {
  if (typeof probe !== 'object' || probe === null) return null;
  const { outcome, reason } = probe as Readonly<Record<string, unknown>>;
  return typeof outcome === 'string' ? { outcome, reason: textOf(reason) } : null;
}

function isRule(value: unknown): value is RuleName {
  return (ruleNames as readonly unknown[]).includes(value);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** As the detail has it, in PostgreSQL's own ISO 8601; null also for infinity. */
function instantOf(value: unknown): IsoInstant | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
