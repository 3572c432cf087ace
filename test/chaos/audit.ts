import type { Status } from '../../src/ledger/transitions.ts';
import type { DiaryEntry } from './diary.ts';
import { RETRIES_MAX, STUCK_AFTER_MS } from './fleet.ts';
import type { Outages } from './outages.ts';

export interface AuditedRow {
  readonly id: string;
  /** The idempotency key. */
  readonly key: string | null;
  readonly status: Status;
  readonly resultPreview: string | null;
  readonly errorDetail: string | null;
  readonly createdAt: number;
  readonly finishedAt: number | null;
  readonly retryOf: string | null;
  readonly attempt: number;
}
export interface AuditedActivity {
  readonly id: string;
  readonly event: string;
  readonly fromStatus: Status | null;
  readonly toStatus: Status | null;
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly responseBody: unknown;
}

export type Kind = 'lost' | 'falselyMarked' | 'twice' | 'open' | 'replay' | 'retry';
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
 * Outages that are not longer than this may have been bridged by beats, and count as observed: three beats, each a tenth of
 * the threshold.
 */
const TOLERATED_MS = 3 * (STUCK_AFTER_MS / 10);
/** The evidence has whole milliseconds, and the debounce skips heartbeats within a tenth of the threshold. */
const ROUNDING_MS = 2;
const DEBOUNCE_MS = STUCK_AFTER_MS / 10;

/** Compares the ledger's rows and activity with what each agent recorded, and with the injected outages. */
export function audit(
  rows: readonly AuditedRow[],
  activities: readonly AuditedActivity[],
  entries: readonly DiaryEntry[],
  outages: Outages,
): Finding[] {
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
  return [...ids].flatMap((id): Finding[] => {
    const row = rowOf.get(id);
    const stream = streamOf.get(id) ?? [];
    const diary = diaryOf.get(id) ?? [];
    return [
      ...consistency(id, row, stream),
      ...brokenRetries(id, row, stream, retriesOf.get(id) ?? []),
      ...losses(id, row, stream, diary),
      ...falseMarks(id, stream, diary, outages),
    ];
  });
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

/** What was answered to an agent is true: its insert is there, its result is in the row or recorded as a late one. */
function losses(
  id: string,
  row: AuditedRow | undefined,
  stream: readonly AuditedActivity[],
  diary: readonly DiaryEntry[],
): Finding[] {
  const lost = (what: string): Finding => ({ kind: 'lost', id, what });
  return diary.flatMap((entry) => {
    const { did, outcome } = entry;
    if (did === 'insert')
      return (outcome === 'inserted' || outcome === 'duplicate') && !row ? [lost('its insert')] : [];
    if (did === 'heartbeat') return outcome === 'missing' ? [lost('its row, when it was heartbeaten')] : [];
    if (did === 'wait' || did === 'resume') {
      if (outcome === 'missing') return [lost(`its row, at a ${did}`)];
      const isRecorded = stream.some(({ event }) => event === `delegation.${outcome}`);
      return (outcome === 'waiting' || outcome === 'resumed') && !isRecorded ? [lost(`its ${outcome}`)] : [];
    }
    if (did === 'saw') {
      const { text } = entry;
      const isKept = row?.status === 'completed' && row.resultPreview === text;
      const isLate = stream.some(
        ({ event, detail }) => event === 'delegation.late_result' && detail.resultPreview === text,
      );
      return isKept || isLate ? [] : [lost(`the result that its caller has, the row says ${row?.status}`)];
    }
    const { to, text } = entry;
    if (outcome === 'missing') return [lost(`its row, when it became ${to}`)];
    if (outcome === 'changed' && !stream.some(({ toStatus }) => toStatus === to)) return [lost(`its step to ${to}`)];
    if (to !== 'completed' && to !== 'failed') return [];
    const isLate = ({ event, detail, responseBody }: AuditedActivity) =>
      event === 'delegation.late_result' &&
      detail.attempted === to &&
      (detail.resultPreview ?? detail.errorDetail) === text &&
      (responseBody as { text?: string } | null)?.text === text;
    if (outcome === 'changed' || outcome === 'unchanged') {
      const kept = to === 'completed' ? row?.resultPreview : row?.errorDetail;
      // `unchanged`: this agent's own first try, or for `failed` also the sweep's, with another reason.
      const isKept = row?.status === to && (kept === text || (outcome === 'unchanged' && stream.some(isLate)));
      return isKept ? [] : [lost(`${to} was ${outcome}, the row says ${row?.status}`)];
    }
    return outcome === 'refused' && !stream.some(isLate) ? [lost(`its late result (${to})`)] : [];
  });
}

/**
 * A mark is false when the ledger had accepted a heartbeat after the one on which it judged, when the delegation waited, or
 * when less than its threshold had passed since it was last heard or its wait ended, not counting the time in which the
 * suite kept every daemon from the database.
 */
function falseMarks(
  id: string,
  stream: readonly AuditedActivity[],
  diary: readonly DiaryEntry[],
  outages: Outages,
): Finding[] {
  const mark = stream.find(({ actor, toStatus }) => actor === 'sweeper' && isTerminal(toStatus));
  if (!mark) return [];
  const falsely = (what: string): Finding[] => [{ kind: 'falselyMarked', id, what }];
  const { rule, lastHeartbeat, silentMs, deadline, overdueMs } = mark.detail as Record<string, string & number>;
  const inserted = diary.filter((entry) => entry.did === 'insert');
  if (rule === 'overdue') {
    const promised = inserted.find(({ deadlineMs }) => deadlineMs !== null);
    const dueAt = promised ? promised.askedAt + promised.deadlineMs! : Number.POSITIVE_INFINITY;
    const sweptAt = Date.parse(String(deadline)) + Number(overdueMs);
    return sweptAt + ROUNDING_MS < dueAt ? falsely('failed before its deadline') : [];
  }
  const heardAt = Date.parse(String(lastHeartbeat));
  for (const entry of diary) {
    const slackMs = ROUNDING_MS + (entry.outcome === 'fresh' ? DEBOUNCE_MS : 0);
    if (isSignOfLife(entry) && entry.askedAt - slackMs > heardAt) {
      return falsely(
        `stuck for its silence since ${lastHeartbeat}, but heard at ${new Date(entry.askedAt).toISOString()}`,
      );
    }
  }
  const silentFromAt = Math.max(heardAt, agreedUntil(stream.slice(0, stream.indexOf(mark))));
  const sweptAt = silentFromAt + Number(silentMs);
  const thresholdMs = inserted.find(({ stuckAfterMs }) => stuckAfterMs !== null)?.stuckAfterMs ?? STUCK_AFTER_MS;
  const waited = diary.find((entry) => entry.did === 'wait' && entry.outcome === 'waiting');
  const resumed = diary.find((entry) => entry.did === 'resume');
  if (waited?.did === 'wait' && resumed === undefined && sweptAt + ROUNDING_MS < waited.askedAt + waited.untilMs) {
    return falsely('stuck although it waited');
  }
  const observedMs = Number(silentMs) - outages.unobservedMs({ startAt: silentFromAt, endAt: sweptAt }, TOLERATED_MS);
  return observedMs + ROUNDING_MS < thresholdMs
    ? falsely(`stuck after ${observedMs} ms of observed silence, ${thresholdMs} ms allowed`)
    : [];
}

function isSignOfLife({ did, outcome, ...entry }: DiaryEntry): boolean {
  if (did === 'heartbeat') return outcome === 'stamped' || outcome === 'fresh';
  if (did === 'resume') return outcome === 'resumed';
  return did === 'setStatus' && 'to' in entry && entry.to === 'in_progress' && outcome === 'changed';
}

/** Until when it waits by its activity; long ago where nothing is left to wait for. */
function agreedUntil(stream: readonly AuditedActivity[]): number {
  const last = stream.findLast(
    ({ event, toStatus }) => event === 'delegation.waiting' || event === 'delegation.resumed' || toStatus !== null,
  );
  return last?.event === 'delegation.waiting' ? Date.parse(String(last.detail.until)) : Number.NEGATIVE_INFINITY;
}
