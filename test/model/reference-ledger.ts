import type { Status } from '../../src/ledger/transitions.ts';
import type { Foreign, Heartbeat, HeartbeatMany, Id, Insert, SetStatus, Tick } from './operation.ts';
import type { Storm } from './reference-storm.ts';

/**
 * What the ledger promises, in its simplest form: plain data and pure functions, one operation at a time, whole ticks. It
 * shares no code with the product; even the lifecycle is written out again. reference-meaning.ts has waits and limits of a
 * delegation's own, reference-sweep.ts the sweep.
 */
export interface Delegation {
  readonly caller: string;
  readonly callee: string;
  readonly key: string | null;
  readonly status: Status;
  readonly heardAt: Tick | null;
  /** Overdue when this is past; between two ticks. */
  readonly deadlineAt: Tick;
  readonly resultPreview: string | null;
  readonly errorDetail: string | null;
  /** Its own threshold; null: the daemons'. */
  readonly ownTicks: Tick | null;
  /** Until it is heard, this longer threshold counts: its own was lowered from it. */
  readonly loweredFromTicks: Tick | null;
  /** Until it is heard: that of the daemons was lowered from it. Of no matter to one that has its own. */
  readonly daemonsLoweredFromTicks: Tick | null;
  readonly waiting: { readonly sinceAt: Tick; readonly untilAt: Tick; readonly reason: string } | null;
  readonly progress: string | null;
  readonly progressAt: Tick | null;
  /** Time without progress that it is allowed; null: any. */
  readonly stalledTicks: Tick | null;
  /** Lack of progress counts from here at the earliest. */
  readonly stalledFromAt: Tick | null;
  readonly createdAt: Tick;
  /** What waits have added to its deadline. */
  readonly addedTicks: Tick;
  readonly retryOf: Id | null;
  readonly attempt: number;
}

/**
 * A transition, or with `to` null what is none: a wait, its end, an adjustment, a late result, or an update of nothing,
 * whose attempt stands in `detail`.
 */
export interface Activity {
  readonly event: string;
  readonly from: Status | null;
  readonly to: Status | null;
  readonly actor: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export interface Gap {
  readonly startAt: Tick;
  readonly endAt: Tick;
}

export interface Ledger {
  readonly now: Tick;
  /** The daemons' STUCK_AFTER. */
  readonly stuckAfterTicks: Tick;
  readonly beatAt: Tick | null;
  readonly gaps: readonly Gap[];
  readonly storm: Storm | null;
  /** When an operator's hold ends; null: there is none. */
  readonly heldUntilAt: Tick | null;
  readonly delegations: Readonly<Partial<Record<Id, Delegation>>>;
  readonly activities: Readonly<Partial<Record<Id, readonly Activity[]>>>;
}

export const STUCK_AFTER_TICKS = 10.5;

export const emptyLedger: Ledger = {
  now: 0,
  stuckAfterTicks: STUCK_AFTER_TICKS,
  beatAt: null,
  gaps: [],
  storm: null,
  heldUntilAt: null,
  delegations: {},
  activities: {},
};

const forward: Record<Status, readonly Status[]> = {
  queued: ['dispatched', 'in_progress', 'failed'],
  dispatched: ['in_progress', 'completed', 'failed'],
  in_progress: ['completed', 'failed', 'stuck'],
  completed: [],
  failed: [],
  stuck: [],
};
export const isOpen = ({ status }: Delegation) => forward[status].length > 0;

export function entries(ledger: Ledger): [Id, Delegation][] {
  return Object.entries(ledger.delegations) as [Id, Delegation][];
}

export function put(ledger: Ledger, id: Id, delegation: Delegation): Ledger {
  return { ...ledger, delegations: { ...ledger.delegations, [id]: delegation } };
}

export function record(ledger: Ledger, id: Id, activity: Activity): Ledger {
  return { ...ledger, activities: { ...ledger.activities, [id]: [...(ledger.activities[id] ?? []), activity] } };
}

/** Its agent knows what counts now. */
export const asHeard = { loweredFromTicks: null, daemonsLoweredFromTicks: null } as const;

const half = (ticks: Tick | null) => (ticks === null ? null : ticks + 0.5);

export function insert(ledger: Ledger, { id, caller, callee, key, deadlineTicks, ownTicks, stalledTicks }: Insert) {
  const holder =
    ledger.delegations[id] !== undefined
      ? ([id, ledger.delegations[id]] as const)
      : entries(ledger).find(([, held]) => key !== null && held.key === key && held.caller === caller);
  if (holder) return { ledger, result: { outcome: 'duplicate', delegationId: holder[0], status: holder[1].status } };
  const inserted = put(ledger, id, {
    caller,
    callee,
    key,
    status: 'queued',
    heardAt: null,
    deadlineAt: ledger.now + deadlineTicks + 0.5,
    resultPreview: null,
    errorDetail: null,
    ownTicks: half(ownTicks),
    ...asHeard,
    waiting: null,
    progress: null,
    progressAt: null,
    stalledTicks: half(stalledTicks),
    stalledFromAt: stalledTicks === null ? null : ledger.now,
    createdAt: ledger.now,
    addedTicks: 0,
    retryOf: null,
    attempt: 1,
  });
  const activity = {
    event: 'delegation.queued',
    from: null,
    to: 'queued',
    actor: 'ledger',
    detail: {},
    body: null,
  } as const;
  return {
    ledger: record(inserted, id, activity),
    result: { outcome: 'inserted', delegationId: id, status: 'queued' },
  };
}

/** Ticks by which an agent is told to pace itself: its own threshold, or the daemons' once one has beaten. */
export function thresholdTold(ledger: Ledger, { ownTicks }: Delegation): Tick | null {
  return ownTicks ?? (ledger.beatAt === null ? null : ledger.stuckAfterTicks);
}

/**
 * `stamped` where `fresh` would do is what two heartbeats at once may both be told: debouncing saves, it promises nothing.
 * What an agent says about its progress is always written. `paceTicks`: the threshold that it is told.
 */
export function heartbeat(ledger: Ledger, { id, progress }: Pick<Heartbeat, 'id' | 'progress'>) {
  const found = ledger.delegations[id];
  if (!found) return { ledger, paceTicks: null, result: { delegationId: id, outcome: 'missing' } };
  const paceTicks = thresholdTold(ledger, found);
  const answer = (outcome: string) => ({ delegationId: id, outcome, status: found.status });
  if (!isOpen(found)) return { ledger, paceTicks, result: answer('terminal') };
  if (found.heardAt === ledger.now && progress === null) return { ledger, paceTicks, result: answer('fresh') };
  const said = progress === null ? {} : { progress, progressAt: ledger.now };
  const heard = { ...found, heardAt: ledger.now, ...asHeard, ...said };
  return { ledger: put(ledger, id, heard), paceTicks, result: answer('stamped') };
}

/** Each id once, whatever the list. */
export function heartbeatMany(ledger: Ledger, { ids }: HeartbeatMany) {
  const answers = new Map<Id, ReturnType<typeof heartbeat>>();
  let after = ledger;
  for (const id of new Set(ids)) {
    const step = heartbeat(after, { id, progress: null });
    after = step.ledger;
    answers.set(id, step);
  }
  return { ledger: after, answers: ids.map((id) => answers.get(id)!) };
}

/** What a change of status does to all else: it ends the wait, and the work begins to count. */
export function moved(ledger: Ledger, found: Delegation, to: Status): Delegation {
  const { waiting, stalledTicks, deadlineAt, addedTicks } = found;
  const unusedTicks = waiting === null ? 0 : Math.max(0, waiting.untilAt - ledger.now);
  const begins = to === 'in_progress' ? { heardAt: ledger.now, ...asHeard } : {};
  return {
    ...found,
    ...begins,
    status: to,
    waiting: null,
    // What was not waited is given back.
    deadlineAt: deadlineAt - unusedTicks,
    addedTicks: addedTicks - unusedTicks,
    stalledFromAt: stalledTicks === null ? null : ledger.now,
  };
}

export function setStatus(ledger: Ledger, { id, to, text, body }: SetStatus) {
  const column = to === 'completed' ? 'resultPreview' : 'errorDetail';
  const detail = text === null ? {} : { [column]: text };
  const found = ledger.delegations[id];
  const attempt = (event: string, from: Status | null, before = ledger) => {
    const activity = { event, from, to: null, actor: 'ledger', detail: { attempted: to, ...detail }, body };
    const said = (ledger.activities[id] ?? []).some((other) =>
      same({ ...other, from: null }, { ...activity, from: null }),
    );
    return said ? before : record(before, id, activity);
  };
  if (!found) {
    return { ledger: attempt('delegation.orphan_update', null), result: { outcome: 'missing', from: null, to } };
  }
  const from = found.status;
  if (forward[from].includes(to)) {
    const ended = forward[to].length === 0 ? { [column]: text } : {};
    const after = put(ledger, id, { ...moved(ledger, found, to), ...ended });
    const activity = { event: `delegation.${to}`, from, to, actor: 'ledger', detail, body };
    return { ledger: record(after, id, activity), result: { outcome: 'changed', from, to } };
  }
  const isEnd = forward[to].length === 0;
  if (from === to) {
    const filled =
      isEnd && text !== null && found[column] === null ? put(ledger, id, { ...found, [column]: text }) : ledger;
    const held = (ledger.activities[id] ?? []).find((activity) => activity.to === to)?.body ?? null;
    const isNew =
      isEnd && ((text !== null && filled.delegations[id]![column] !== text) || (body !== null && !same(body, held)));
    return {
      ledger: isNew ? attempt('delegation.late_result', from, filled) : filled,
      result: { outcome: 'unchanged', from, to },
    };
  }
  const isLate = isEnd && (to !== 'stuck' || text !== null || body !== null);
  return {
    ledger: isLate ? attempt('delegation.late_result', from) : ledger,
    result: { outcome: 'refused', from, to },
  };
}

/** Ten minutes, in ticks of an hour: the threshold as long as no daemon has told another. */
export const UNTOLD_TICKS = 1 / 6;

/**
 * A client that writes the status alone. It is held to the lifecycle, may not mark what waits or whose own threshold has
 * not passed by the clock, and the database adds the activity.
 */
export function foreign(ledger: Ledger, { id, to }: Foreign) {
  const found = ledger.delegations[id];
  const answer = (outcome: string) => ({ outcome });
  if (!found) return { ledger, result: answer('missing') };
  if (found.status === to) return { ledger, result: answer('changed') };
  if (!forward[found.status].includes(to)) return { ledger, result: answer('refused') };
  const { ownTicks, loweredFromTicks, waiting, heardAt, status: from } = found;
  if (to === 'stuck' && (ownTicks !== null || loweredFromTicks !== null || waiting !== null)) {
    const inForce = ledger.beatAt === null ? UNTOLD_TICKS : ledger.stuckAfterTicks;
    const allowed = Math.max(ownTicks ?? inForce, loweredFromTicks ?? 0);
    const heard = Math.max(heardAt ?? Number.NEGATIVE_INFINITY, waiting?.untilAt ?? Number.NEGATIVE_INFINITY);
    if (ledger.now < heard + allowed) return { ledger, result: answer('refused') };
  }
  const after = moved(ledger, found, to);
  // A heartbeat that is there stays.
  const { daemonsLoweredFromTicks } = found;
  const row =
    to === 'in_progress' && heardAt !== null ? { ...after, heardAt, loweredFromTicks, daemonsLoweredFromTicks } : after;
  const activity = { event: `delegation.${to}`, from, to, actor: 'foreign', detail: {}, body: null };
  return { ledger: record(put(ledger, id, row), id, activity), result: answer('changed') };
}

export function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

/** JSON with sorted keys: equal text for equal data. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
