import type { AuditedActivity, AuditedRow, Finding } from './audit.ts';
import type { DiaryEntry } from './diary.ts';
import { STUCK_AFTER_MS } from './fleet.ts';
import type { History } from './history.ts';
import { overlapMs, type Stretch } from './outages.ts';
import { Thresholds } from './thresholds.ts';

/** What the sweep's mark of a delegation says about it. */
export interface Mark {
  readonly findings: readonly Finding[];
  /** By how much it came later than it was due; null where that is not measured. */
  readonly lateMs: number | null;
}

/**
 * Outages that are not longer than this may have been bridged by beats, and count as observed: three beats, each a tenth of
 * the threshold.
 */
const TOLERATED_MS = 3 * (STUCK_AFTER_MS / 10);
/** The evidence has whole milliseconds. */
const ROUNDING_MS = 2;
/** The clock by which activities are noted has a hundredth of a second. */
const CLOCK_MS = 20;
/** The debounce skips heartbeats within this part of the threshold. */
const DEBOUNCE_SHARE = 1 / 10;
/** A storm holds marks for six seconds, and then lets few of them through with each sweep; a dead daemon's sweep is found. */
const LATE_MAX_MS = 60_000;

/**
 * A mark is false when the delegation waited, when less than its threshold had passed since it was last heard or its wait
 * ended, not counting the time in which the suite kept every daemon from the database, or when its agent lived and could
 * have been heard for half of that. It is late when it came long after that. Undefined: there is no mark.
 */
export function judgeMark(
  id: string,
  row: AuditedRow | undefined,
  stream: readonly AuditedActivity[],
  diary: readonly DiaryEntry[],
  history: History,
): Mark | undefined {
  const mark = stream.find(
    ({ actor, toStatus }) => actor === 'sweeper' && (toStatus === 'stuck' || toStatus === 'failed'),
  );
  if (!mark) return undefined;
  const falsely = (what: string): Mark => ({ findings: [{ kind: 'falselyMarked', id, what }], lateMs: null });
  const silence = silenceOf(mark, stream.slice(0, stream.indexOf(mark)), diary, history);
  const { startAt, judgedAt, heard, isSteady } = silence;
  if (mark.detail.rule === 'overdue') {
    const promised = diary.find((entry) => entry.did === 'insert' && entry.deadlineMs !== null);
    const dueAt = promised?.did === 'insert' ? promised.askedAt + promised.deadlineMs! : Number.POSITIVE_INFINITY;
    const isEarly = judgedAt + ROUNDING_MS < dueAt;
    return isEarly ? falsely('failed before its deadline') : { findings: [], lateMs: null };
  }
  if (silence.overlooked) return falsely(`stuck for its silence since ${mark.detail.lastHeartbeat}, but heard since`);
  const waitsUntil = endOfWait(diary, history);
  if (judgedAt + ROUNDING_MS < waitsUntil) return falsely('stuck although it waited');
  const thresholds = thresholdsOf(diary, history);
  // What it could know when it was last heard, and a longer one that applies since.
  const knownMs = heard ? Math.min(...thresholds(heard.askedAt, heard.answeredAt)) : 0;
  const allowedMs = Math.max(knownMs, Math.min(...thresholds(judgedAt - ROUNDING_MS, judgedAt)));
  const observedMs = judgedAt - startAt - history.outages.unobservedMs({ startAt, endAt: judgedAt }, TOLERATED_MS);
  if (observedMs + ROUNDING_MS < allowedMs) {
    return falsely(`stuck after ${Math.round(observedMs)} ms of observed silence, ${allowedMs} ms allowed`);
  }
  if (row !== undefined && mustHaveBeenHeard(diary, isSteady, history)) {
    const unheard = { startAt, endAt: mark.at };
    const hinderedMs = history.hinderedMs(row.callee, unheard) + askingMs(diary, unheard);
    if (hinderedMs < allowedMs / 2) {
      return falsely(`stuck although ${row.callee} lived, ${Math.round(judgedAt - startAt)} ms after it was heard`);
    }
  }
  if (!isSteady || heard === undefined) return { findings: [], lateMs: null };
  const awayMs = history.outages.unobservedMs({ startAt, endAt: mark.at }, 0);
  const lateMs = Math.max(0, mark.at - startAt - awayMs - Math.max(...thresholds(startAt, mark.at)));
  const late: Finding = { kind: 'late', id, what: `marked ${Math.round(lateMs)} ms after it was due` };
  return { findings: lateMs > LATE_MAX_MS ? [late] : [], lateMs };
}

interface Silence {
  /** The latest of: when it was heard, when its wait ended, a failover. By the machine's clock, as all here. */
  readonly startAt: number;
  readonly judgedAt: number;
  readonly heard: DiaryEntry | undefined;
  /** The server's clock was not set since it was heard: the evidence of the mark itself can be used. */
  readonly isSteady: boolean;
  /** It was heard after what the mark rests on, and no failover has lost that. */
  readonly overlooked: boolean;
}

function silenceOf(
  { at, detail }: AuditedActivity,
  before: readonly AuditedActivity[],
  diary: readonly DiaryEntry[],
  history: History,
): Silence {
  const signs = diary.filter((entry) => isSignOfLife(entry) && entry.askedAt <= at);
  const heard = signs.at(-1);
  const thresholds = thresholdsOf(diary, history);
  const debounceMs = ({ askedAt, answeredAt }: DiaryEntry) =>
    Math.max(...thresholds(askedAt, answeredAt)) * DEBOUNCE_SHARE;
  const earliest = (entry: DiaryEntry) => entry.askedAt - (entry.outcome === 'fresh' ? debounceMs(entry) : 0);
  const heardAt = Math.max(Number.NEGATIVE_INFINITY, ...signs.map(earliest));
  const isSteady = history.clock.isSteady({ startAt: Math.min(at, diary[0]?.askedAt ?? at), endAt: at });
  const failoverAt = history.lastFailoverBefore(at);
  if (!isSteady) {
    const startAt = Math.max(heardAt, endOfWait(diary, history), failoverAt);
    return { startAt, judgedAt: at + CLOCK_MS, heard, isSteady, overlooked: false };
  }
  const offsetMs = history.clock.offsetAt(at);
  const instant = (text: unknown) => Date.parse(String(text)) - offsetMs;
  if (detail.rule === 'overdue') {
    const judgedAt = instant(detail.deadline) + Number(detail.overdueMs);
    return { startAt: heardAt, judgedAt, heard, isSteady, overlooked: false };
  }
  const judgedFromAt = instant(detail.lastHeartbeat);
  const silentFromAt = Math.max(judgedFromAt, agreedUntil(before) - offsetMs);
  const judgedAt = silentFromAt + Number(detail.silentMs);
  const overlooked = signs.some((sign) => earliest(sign) - ROUNDING_MS > judgedFromAt && !history.mayHaveLost(sign));
  return { startAt: Math.max(silentFromAt, heardAt, failoverAt), judgedAt, heard, isSteady, overlooked };
}

function isSignOfLife({ did, outcome, ...entry }: DiaryEntry): boolean {
  if (did === 'heartbeat') return outcome === 'stamped' || outcome === 'fresh';
  if (did === 'resume') return outcome === 'resumed';
  return did === 'setStatus' && 'to' in entry && entry.to === 'in_progress' && outcome === 'changed';
}

/**
 * Its agent sent heartbeats, if it could. Not so while it waited, of which it may have been told to the wrong time by a
 * clock that was set, nor when a failover lost that it waits, or that it has ended.
 */
function mustHaveBeenHeard(diary: readonly DiaryEntry[], isSteady: boolean, history: History): boolean {
  const waited = diary.some(({ did }) => did === 'wait');
  return (
    diary.length > 0 &&
    (isSteady || !waited) &&
    diary.every((entry) => entry.did === 'heartbeat' || !history.mayHaveLost(entry))
  );
}

/** For how long it was waiting for an answer to its wait or resume: an agent of the suite sends no heartbeats meanwhile. */
function askingMs(diary: readonly DiaryEntry[], stretch: Stretch): number {
  return diary
    .filter(({ did }) => did === 'wait' || did === 'resume')
    .reduce((sum, { askedAt, answeredAt }) => sum + overlapMs({ startAt: askedAt, endAt: answeredAt }, stretch), 0);
}

/** When it no longer waits, by its diary; long ago where it never did, went on, or a failover may have lost it. */
function endOfWait(diary: readonly DiaryEntry[], history: History): number {
  const wait = diary.findLast((entry) => entry.did === 'wait' && entry.outcome === 'waiting');
  const isOver = wait?.did !== 'wait' || history.mayHaveLost(wait) || diary.some(({ did }) => did === 'resume');
  return isOver ? Number.NEGATIVE_INFINITY : history.clock.passed(wait.untilMs, wait.askedAt);
}

/** Until when it waits by its activity, by the server's clock; long ago where nothing is left to wait for. */
function agreedUntil(stream: readonly AuditedActivity[]): number {
  const last = stream.findLast(
    ({ event, toStatus }) => event === 'delegation.waiting' || event === 'delegation.resumed' || toStatus !== null,
  );
  return last?.event === 'delegation.waiting' ? Date.parse(String(last.detail.until)) : Number.NEGATIVE_INFINITY;
}

/** All thresholds that may have applied to it from one instant to another: its own, or else the daemons'. */
function thresholdsOf(diary: readonly DiaryEntry[], history: History) {
  const inserted = diary.find((entry) => entry.did === 'insert');
  const own = new Thresholds<number | null>(inserted?.did === 'insert' ? inserted.stuckAfterMs : null);
  for (const entry of diary) {
    if (entry.did !== 'adjust') continue;
    // One that may have been lost, or got no answer, leaves it open.
    const isCertain = (entry.outcome === 'adjusted' || entry.outcome === 'unchanged') && !history.mayHaveLost(entry);
    const endAt = isCertain ? entry.answeredAt : Number.POSITIVE_INFINITY;
    if (entry.outcome !== 'refused') own.changed({ startAt: entry.askedAt, endAt, ms: entry.stuckAfterMs });
  }
  return (startAt: number, endAt: number) =>
    own.within(startAt, endAt).flatMap((ms) => (ms === null ? history.thresholds.within(startAt, endAt) : [ms]));
}
