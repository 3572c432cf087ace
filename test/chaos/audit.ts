import type { Status } from '../../src/ledger/transitions.ts';
import { judgeMark, type Mark } from './audit-of-marks.ts';
import type { DiaryEntry } from './diary.ts';
import { RETRIES_MAX, STUCK_AFTER_MS } from './fleet.ts';
import type { History } from './history.ts';

export interface AuditedRow {
  readonly id: string;
  /** Its agent. */
  readonly callee: string;
  /** The idempotency key. */
  readonly key: string | null;
  readonly status: Status;
  readonly resultPreview: string | null;
  readonly errorDetail: string | null;
  readonly retryOf: string | null;
  readonly attempt: number;
}
export interface AuditedActivity {
  readonly id: string;
  /** By the machine's clock, whatever the server's showed. */
  readonly at: number;
  readonly event: string;
  readonly fromStatus: Status | null;
  readonly toStatus: Status | null;
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly responseBody: unknown;
}

export type Kind = 'lost' | 'falselyMarked' | 'twice' | 'open' | 'late' | 'replay' | 'retry';
export interface Finding {
  readonly kind: Kind;
  readonly id: string;
  readonly what: string;
}

/** The lifecycle, as the README has it. This audit shares no code with the product: what is broken there must show here. */
const follows: Readonly<Record<Status, readonly Status[]>> = {
  queued: ['dispatched', 'in_progress', 'failed'],
  dispatched: ['in_progress', 'completed', 'failed'],
  in_progress: ['completed', 'failed', 'stuck'],
  completed: [],
  failed: [],
  stuck: [],
};

const isTerminal = (status: Status | null) => status !== null && follows[status].length === 0;

/**
 * What an agent's process still remembers when a failover has lost it is repeated. This much before the promotion is well
 * within what it remembers, the threshold; the daemons have noticed the failover by then.
 */
const REPEATED_MS = 2_000;

export interface Verdict {
  readonly findings: readonly Finding[];
  /** By how much each mark came later than it was due. */
  readonly lateMs: readonly number[];
}

/** Compares the ledger's rows and activity with what each agent recorded, and with what the suite did. */
export function audit(
  rows: readonly AuditedRow[],
  activities: readonly AuditedActivity[],
  entries: readonly DiaryEntry[],
  history: History,
): Verdict {
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  const streamOf = Map.groupBy(activities, ({ id }) => id);
  const idOf = new Map(rows.flatMap(({ id, key }) => (key === null ? [] : [[key, id] as const])));
  // Where the caller could not reach the ledger, its agent was the first to record the delegation, with another id.
  const diaryOf = Map.groupBy(entries, (entry) => (entry.did === 'saw' ? (idOf.get(entry.key) ?? entry.id) : entry.id));
  const retriesOf = Map.groupBy(
    rows.filter(({ retryOf }) => retryOf !== null),
    ({ retryOf }) => retryOf,
  );
  const ids = new Set([...rowOf.keys(), ...streamOf.keys(), ...diaryOf.keys()]);
  const marks: Mark[] = [];
  const findings = [...ids].flatMap((id): Finding[] => {
    const row = rowOf.get(id);
    const stream = streamOf.get(id) ?? [];
    const diary = diaryOf.get(id) ?? [];
    const mark = judgeMark(id, row, stream, diary, history);
    if (mark) marks.push(mark);
    return [
      ...consistency(id, row, stream),
      ...brokenRetries(id, row, stream, retriesOf.get(id) ?? []),
      ...losses(id, row, stream, diary, history, (other) => streamOf.get(other) ?? []),
      ...(mark?.findings ?? []),
    ];
  });
  return { findings, lateMs: marks.flatMap(({ lateMs }) => (lateMs === null ? [] : [lateMs])) };
}

/** No delegation is left in progress, each ended once, and the activity gives the row's status. */
function consistency(id: string, row: AuditedRow | undefined, stream: readonly AuditedActivity[]): Finding[] {
  const findings: Finding[] = [];
  const ends = stream.filter(({ toStatus }) => isTerminal(toStatus)).length;
  if (ends > 1) findings.push({ kind: 'twice', id, what: `${ends} terminal activities` });
  if (row && row.status === 'in_progress') findings.push({ kind: 'open', id, what: 'still in progress' });
  let status: Status | null = null;
  for (const { fromStatus, toStatus } of stream) {
    if (toStatus === null) continue;
    const isLegal = status === null ? toStatus === 'queued' : follows[status].includes(toStatus);
    // A second end has been counted above.
    if ((fromStatus !== status || !isLegal) && !isTerminal(status)) {
      findings.push({ kind: 'replay', id, what: `${fromStatus} -> ${toStatus} recorded after ${status}` });
    }
    status = toStatus;
  }
  if (status !== (row?.status ?? null)) {
    findings.push({ kind: 'replay', id, what: `activity says ${status}, the row ${row?.status}` });
  }
  return findings;
}

/** What the sweep marks stuck it tries again, once, unless there were retries enough or its result had come late. */
function brokenRetries(
  id: string,
  row: AuditedRow | undefined,
  stream: readonly AuditedActivity[],
  retries: readonly AuditedRow[],
): Finding[] {
  const wrong = (what: string): Finding => ({ kind: 'retry', id, what });
  const place = stream.findIndex(({ actor, toStatus }) => actor === 'sweeper' && toStatus === 'stuck');
  const isLate = stream.slice(0, place).some(({ event }) => event === 'delegation.late_result');
  const mustBe = place >= 0 && row !== undefined && row.attempt <= RETRIES_MAX && !isLate;
  if (retries.length !== (mustBe ? 1 : 0)) return [wrong(`${retries.length} retries, expected ${mustBe ? 1 : 0}`)];
  return retries
    .filter(({ attempt }) => attempt !== row!.attempt + 1)
    .map(({ attempt }) => wrong(`attempt ${attempt} after attempt ${row!.attempt}`));
}

/**
 * What was answered to an agent is true: its insert is there, its result is in the row or recorded as a late one. A failover
 * to a standby that lagged loses what it lags by, except for what the agents' processes repeat.
 */
function losses(
  id: string,
  row: AuditedRow | undefined,
  stream: readonly AuditedActivity[],
  diary: readonly DiaryEntry[],
  history: History,
  streamOf: (id: string) => readonly AuditedActivity[],
): Finding[] {
  const lost = (what: string): Finding[] => [{ kind: 'lost', id, what }];
  const maybeNeverThere = wasLostAtItsBeginning(diary, history);
  return diary.flatMap((entry) => {
    const { did, outcome } = entry;
    const mayBeLost = history.mayHaveLost(entry);
    if (outcome === 'missing' && !maybeNeverThere) return lost(`its row, when asked for its ${did}`);
    if (did === 'insert') {
      return (outcome === 'inserted' || outcome === 'duplicate') && !row && !mayBeLost ? lost('its insert') : [];
    }
    if (did === 'wait' || did === 'resume' || did === 'adjust') {
      const isRecorded = stream.some(({ event }) => event === `delegation.${outcome}`);
      const isDone = outcome === 'waiting' || outcome === 'resumed' || outcome === 'adjusted';
      return isDone && !isRecorded && !mayBeLost ? lost(`its ${outcome}`) : [];
    }
    if (did === 'saw') {
      const isKept = row?.status === 'completed' && row.resultPreview === entry.text;
      // Where its insert failed, what its caller saw is kept under the id that the caller chose.
      const isRecorded = [...stream, ...streamOf(entry.id)].some(
        ({ event, detail }) => isLate(event) && detail.resultPreview === entry.text,
      );
      return isKept || isRecorded || mayBeLost
        ? []
        : lost(`the result that its caller has, the row says ${row?.status}`);
    }
    return did === 'setStatus' && !isTrue(entry, row, stream, lossOf(entry, history))
      ? lost(`${entry.to} was ${outcome}, the row says ${row?.status}`)
      : [];
  });
}

/** Its first activity may have been in what a failover lost: an A2A agent's insert is in no diary, what follows it is. */
function wasLostAtItsBeginning(diary: readonly DiaryEntry[], history: History): boolean {
  const first = diary[0];
  if (first === undefined) return false;
  return history.mayHaveLost({ askedAt: first.askedAt - STUCK_AFTER_MS, answeredAt: first.answeredAt });
}

const isLate = (event: string) => event === 'delegation.late_result' || event === 'delegation.orphan_update';

type StatusEntry = Extract<DiaryEntry, { did: 'setStatus' }>;
/** Of what was answered: none; it may have been lost, and was repeated then; it may have been lost. */
type Loss = 'none' | 'repeated' | 'lost';

function lossOf(entry: StatusEntry, history: History): Loss {
  if (!history.mayHaveLost(entry)) return 'none';
  const { to, outcome, answeredAt } = entry;
  const isRemembered = outcome === 'changed' && (to === 'in_progress' || isTerminal(to));
  const isRecent = history.losses.every(({ endAt }) => endAt < answeredAt || answeredAt > endAt - REPEATED_MS);
  return isRemembered && isRecent ? 'repeated' : 'lost';
}

/** The answer to a step is so, or was so before a failover. */
function isTrue(
  { to, text, outcome }: StatusEntry,
  row: AuditedRow | undefined,
  stream: readonly AuditedActivity[],
  loss: Loss,
): boolean {
  if (loss === 'lost') return true;
  const isRecorded = stream.some(
    ({ event, detail, responseBody }) =>
      isLate(event) &&
      detail.attempted === to &&
      (detail.resultPreview ?? detail.errorDetail) === text &&
      (responseBody as { text?: string } | null)?.text === text,
  );
  if (to !== 'completed' && to !== 'failed') {
    // What has ended is not begun again.
    const isOver = loss === 'repeated' && (row === undefined || isTerminal(row.status));
    return outcome !== 'changed' || isOver || stream.some(({ toStatus }) => toStatus === to);
  }
  if (outcome === 'refused' || outcome === 'missing') return isRecorded;
  if (outcome !== 'changed' && outcome !== 'unchanged') return true;
  const kept = to === 'completed' ? row?.resultPreview : row?.errorDetail;
  // `unchanged`: this agent's own first try, or for `failed` also the sweep's, with another reason.
  const mayBeLate = loss === 'repeated' || (outcome === 'unchanged' && row?.status === to);
  return (row?.status === to && kept === text) || (isRecorded && mayBeLate);
}
