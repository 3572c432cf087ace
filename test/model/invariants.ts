import type { Activity } from '../../src/ledger/activity.ts';
import { type Status, transitions } from '../../src/ledger/transitions.ts';
import type { Concurrent, Id } from './operation.ts';
import { type Picture, stuckAfterMs } from './world.ts';

/** An operation and the answer that its caller got. */
export interface Told {
  readonly operation: Concurrent;
  readonly result: unknown;
}

const terminal = (status: Status) => transitions[status].length === 0;

/**
 * What holds at every moment, whatever ran and in whatever order; judged from what is stored and the answers that callers
 * got in this step, without the model.
 */
export function brokenInvariants(picture: Picture, before: Picture, told: readonly Told[]): string[] {
  return [...brokenHistories(picture), ...forgotten(picture, before), ...brokenPromises(picture, before, told)];
}

/** Forward only, one terminal activity, activity replayed equals the row. */
function brokenHistories({ rows, activities }: Picture): string[] {
  const problems: string[] = [];
  for (const [id, row] of Object.entries(rows)) {
    const steps = (activities[id] ?? []).filter(({ toStatus }) => toStatus !== null);
    let status: Status | null = null;
    for (const { fromStatus, toStatus } of steps) {
      const isLegal =
        status === null ? toStatus === 'queued' : (transitions[status] as readonly Status[]).includes(toStatus!);
      if (fromStatus !== status || !isLegal)
        problems.push(`${id}: ${fromStatus} -> ${toStatus} recorded after ${status}`);
      status = toStatus;
    }
    if (status !== row.status) problems.push(`${id}: its activity adds up to ${status}, its row says ${row.status}`);
    const ends = steps.filter(({ toStatus }) => terminal(toStatus!)).length;
    if (ends !== (terminal(row.status) ? 1 : 0)) problems.push(`${id}: ${row.status} with ${ends} terminal activities`);
    if (row.finished !== terminal(row.status)) problems.push(`${id}: ${row.status}, finished ${row.finished}`);
    const silence = steps.find(({ detail }) => detail.rule === 'stale')?.detail.silentMs;
    if (silence !== undefined && !(Number(silence) > stuckAfterMs)) problems.push(`${id}: stuck after ${silence} ms`);
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
