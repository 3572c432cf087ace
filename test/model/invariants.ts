import type { Activity } from '../../src/ledger/activity.ts';
import type { Status } from '../../src/ledger/transitions.ts';
import { TICK_MS } from './face.ts';
import type { Concurrent, Id, Tick } from './operation.ts';
import { type Picture, type PictureRow, STUCK_AFTER_MS } from './world.ts';

/** An operation and the answer that its caller got. */
export interface Told {
  readonly operation: Concurrent;
  readonly result: unknown;
}

/** The lifecycle, as the README has it: these invariants share no code with the product. */
const transitions: Readonly<Record<Status, readonly Status[]>> = {
  queued: ['dispatched', 'in_progress', 'failed'],
  dispatched: ['in_progress', 'completed', 'failed'],
  in_progress: ['completed', 'failed', 'stuck'],
  completed: [],
  failed: [],
  stuck: [],
};

const terminal = (status: Status) => transitions[status].length === 0;

/**
 * What holds at every moment, whatever ran and in whatever order; judged from what is stored and the answers that callers
 * got in this step, without the model.
 */
export function brokenInvariants(
  picture: Picture,
  before: Picture,
  told: readonly Told[],
  retriesMax: number,
): string[] {
  return [
    ...brokenHistories(picture),
    ...brokenRetries(picture, before, retriesMax),
    ...forgotten(picture, before),
    ...falseMarks(picture, before),
    ...marksInAHold(picture, before, told),
    ...brokenPromises(picture, before, told),
  ];
}

/** Forward only, one terminal activity, activity replayed equals the row. */
function brokenHistories({ rows, activities }: Picture): string[] {
  const problems: string[] = [];
  for (const [id, row] of Object.entries(rows)) {
    const steps = (activities[id] ?? []).filter(({ toStatus }) => toStatus !== null);
    let status: Status | null = null;
    for (const { fromStatus, toStatus } of steps) {
      const isLegal = status === null ? toStatus === 'queued' : transitions[status].includes(toStatus!);
      if (fromStatus !== status || !isLegal)
        problems.push(`${id}: ${fromStatus} -> ${toStatus} recorded after ${status}`);
      status = toStatus;
    }
    if (status !== row.status) problems.push(`${id}: its activity adds up to ${status}, its row says ${row.status}`);
    const ends = steps.filter(({ toStatus }) => terminal(toStatus!)).length;
    if (ends !== (terminal(row.status) ? 1 : 0)) problems.push(`${id}: ${row.status} with ${ends} terminal activities`);
    if (row.finished !== terminal(row.status)) problems.push(`${id}: ${row.status}, finished ${row.finished}`);
    if (terminal(row.status) && row.waiting !== null) problems.push(`${id}: ${row.status}, and waits`);
    if (row.status === 'in_progress' && !(row.heardAgo !== null && row.heardAgo >= 0)) {
      problems.push(`${id}: in progress, and heard ${row.heardAgo} ticks ago`);
    }
  }
  return problems;
}

/**
 * What is tried again failed or is stuck, and is tried again once. What the sweep marks stuck in this step and what it tries
 * again are the same, but for those that had retries enough or whose result came late.
 */
function brokenRetries({ rows, activities }: Picture, before: Picture, retriesMax: number): string[] {
  const problems: string[] = [];
  const retries = Object.entries(rows).filter(([, { retryOf }]) => retryOf !== null);
  for (const [id, { retryOf, attempt }] of retries) {
    const old = rows[retryOf!];
    if (old?.status !== 'failed' && old?.status !== 'stuck') problems.push(`${id}: tries again what is ${old?.status}`);
    if (old?.attempt !== attempt - 1) problems.push(`${id}: attempt ${attempt} after attempt ${old?.attempt}`);
  }
  const tried = retries.map(([, { retryOf }]) => retryOf!);
  if (new Set(tried).size !== tried.length) problems.push(`tried again twice: ${tried}`);
  const bySweep = new Set(
    retries
      .filter(
        ([id]) =>
          before.rows[id] === undefined &&
          activities[id]?.some(({ actor, event }) => actor === 'sweeper' && event === 'delegation.queued'),
      )
      .map(([, { retryOf }]) => retryOf!),
  );
  for (const [id, { status, attempt }] of Object.entries(rows)) {
    const ownNow = (activities[id] ?? []).slice(before.activities[id]?.length ?? 0);
    const isMarked =
      status === 'stuck' && ownNow.some(({ actor, toStatus }) => actor === 'sweeper' && toStatus === 'stuck');
    const late = (activities[id] ?? []).some(({ event }) => event === 'delegation.late_result');
    const mustBeRetried = isMarked && attempt <= retriesMax && !late;
    if (mustBeRetried && !tried.includes(id)) problems.push(`${id}: marked stuck, and not tried again`);
    if (bySweep.has(id) && !(isMarked && attempt <= retriesMax))
      problems.push(`${id}: tried again by the sweep without its mark`);
    const lateBefore = (before.activities[id] ?? []).some(({ event }) => event === 'delegation.late_result');
    if (bySweep.has(id) && lateBefore) problems.push(`${id}: tried again by the sweep although a result came late`);
  }
  return problems;
}

/** The activity only grows, and a terminal row never changes its status. */
function forgotten(picture: Picture, before: Picture): string[] {
  const problems: string[] = [];
  for (const [id, activities] of Object.entries(before.activities)) {
    const now = (picture.activities[id] ?? []).slice(0, activities.length);
    if (JSON.stringify(now) !== JSON.stringify(activities)) problems.push(`${id}: its past activity changed`);
  }
  for (const [id, { status }] of Object.entries(before.rows)) {
    if (terminal(status) && picture.rows[id]?.status !== status) problems.push(`${id}: ${status} was revised`);
  }
  return problems;
}

/** What the sweep marked for silence or lack of progress had been so for longer than it was allowed, and did not wait. */
function falseMarks(picture: Picture, before: Picture): string[] {
  const problems: string[] = [];
  for (const [id, row] of Object.entries(picture.rows)) {
    const earlier = before.rows[id];
    let waits = earlier?.waiting !== null && earlier?.waiting !== undefined && earlier.waiting.untilAgo < 0;
    for (const { event, toStatus, detail } of (picture.activities[id] ?? []).slice(
      before.activities[id]?.length ?? 0,
    )) {
      const { rule, silentMs } = detail;
      if (rule === 'stale' || rule === 'stalled') {
        if (waits) problems.push(`${id}: ${rule} although it waits`);
        const allowedMs =
          rule === 'stale' ? silenceAllowedMs(row, picture, before, earlier) : (msOf(row.stalledTicks) ?? Number.NaN);
        if (!(Number(silentMs) > allowedMs)) problems.push(`${id}: ${rule} after ${silentMs} ms, ${allowedMs} allowed`);
      }
      if (event === 'delegation.waiting') waits = true;
      else if (event === 'delegation.resumed' || toStatus !== null) waits = false;
    }
  }
  return problems;
}

/** While an operator holds, and nobody ends or ignores that, nothing is marked but what is overdue. */
function marksInAHold(picture: Picture, before: Picture, told: readonly Told[]): string[] {
  const isLifted = told.some(
    ({ operation }) => operation.op === 'release' || (operation.op === 'sweep' && operation.force),
  );
  if (before.holdUntilAgo === null || picture.holdUntilAgo === null || isLifted) return [];
  return Object.entries(picture.activities).flatMap(([id, activities]) =>
    activities
      .slice(before.activities[id]?.length ?? 0)
      .filter(({ detail }) => detail.rule === 'stale' || detail.rule === 'stalled')
      .map(({ detail }) => `${id}: ${detail.rule} although an operator holds`),
  );
}

const msOf = (ticks: Tick | null | undefined) => (ticks === null || ticks === undefined ? null : ticks * TICK_MS);

/** What an agent may assume where no daemon has told it a threshold. */
const UNTOLD_MS = 600_000;

/**
 * The longer of its threshold now and before this step, and of those from which it was lowered earlier: a lower one counts
 * once it was heard.
 */
function silenceAllowedMs(row: PictureRow, picture: Picture, before: Picture, earlier: PictureRow | undefined): number {
  const now = msOf(row.ownTicks) ?? picture.toldMs ?? STUCK_AFTER_MS;
  if (earlier?.status !== 'in_progress') return now;
  const daemons = Math.max(before.toldMs ?? UNTOLD_MS, msOf(earlier.daemonsLoweredFromTicks) ?? 0);
  return Math.max(now, msOf(earlier.ownTicks) ?? daemons, msOf(earlier.loweredFromTicks) ?? 0);
}

/** A heartbeat that was answered protects, and a result that was reported is recorded. */
function brokenPromises(picture: Picture, before: Picture, told: readonly Told[]): string[] {
  return told.flatMap(({ operation, result }) => {
    switch (operation.op) {
      case 'heartbeat':
        return ignoredHeartbeat(picture, before, operation.id, result);
      case 'heartbeatMany':
        return operation.ids.flatMap((id, index) =>
          ignoredHeartbeat(picture, before, id, (result as unknown[] | undefined)?.[index]),
        );
      case 'setStatus':
        return lostResult(picture, operation, result);
      default:
        return [];
    }
  });
}

/** No time passes within a step: a delegation that was heard in it cannot have been silent in it. */
function ignoredHeartbeat(picture: Picture, before: Picture, id: Id, result: unknown): string[] {
  const outcome = (result as { outcome?: string } | undefined)?.outcome;
  const marked = (picture.activities[id] ?? [])
    .slice(before.activities[id]?.length ?? 0)
    .some(({ detail }) => detail.rule === 'stale');
  return outcome === 'stamped' && marked ? [`${id}: stuck although its heartbeat was accepted`] : [];
}

function lostResult(
  picture: Picture,
  { id, to, text, body }: Concurrent & { op: 'setStatus' },
  result: unknown,
): string[] {
  const told = result as { outcome: string; from: Status | null } | undefined;
  // Not an end, or without a payload that could be lost.
  if (told === undefined || !terminal(to) || (to === 'stuck' && text === null && body === null)) return [];
  const { outcome, from } = told;
  const stream = picture.activities[id] ?? [];
  const says = ({ detail }: Activity) => detail.resultPreview ?? detail.errorDetail ?? null;
  const recorded = (event: string) =>
    stream.some(
      (activity) =>
        activity.event === event &&
        (activity.toStatus ?? activity.detail.attempted) === to &&
        says(activity) === text &&
        JSON.stringify(activity.responseBody) === JSON.stringify(body),
    );
  const row = picture.rows[id];
  // A repeated result is in the row, each part that was given; what was filled in later is only in the row.
  const isHeld =
    row?.status === to &&
    (text === null || (to === 'completed' ? row.resultPreview : row.errorDetail) === text) &&
    (body === null ||
      stream.some(
        ({ toStatus, responseBody }) => toStatus === to && JSON.stringify(responseBody) === JSON.stringify(body),
      ));
  const isKept =
    outcome === 'changed'
      ? row?.status === to && recorded(`delegation.${to}`)
      : outcome === 'unchanged'
        ? isHeld || recorded('delegation.late_result')
        : recorded(outcome === 'missing' ? 'delegation.orphan_update' : 'delegation.late_result');
  return isKept ? [] : [`${id}: ${to} was ${outcome} from ${from}, and its result is lost`];
}
