import type { Status } from '../../src/ledger/transitions.ts';
import type { Advance, Heartbeat, HeartbeatMany, Id, Insert, SetStatus, Tick } from './operation.ts';
import { type Storm, stormPlan } from './reference-storm.ts';

/**
 * What the ledger and the sweep promise, in its simplest form: plain data and pure functions, one operation at a time,
 * whole ticks. It shares no code with the product; even the lifecycle is written again.
 */
export interface Delegation {
  readonly caller: string;
  readonly callee: string;
  readonly key: string | null;
  readonly status: Status;
  readonly heardAt: Tick | null;
  /** Overdue when this is past; half a tick off. */
  readonly deadlineAt: Tick;
  readonly resultPreview: string | null;
  readonly errorDetail: string | null;
}

/** A transition, or with `to` null a late result or an orphan update, with its attempted status in `detail`. */
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
  readonly beatAt: Tick | null;
  readonly gaps: readonly Gap[];
  readonly storm: Storm | null;
  readonly delegations: Readonly<Partial<Record<Id, Delegation>>>;
  readonly activities: Readonly<Partial<Record<Id, readonly Activity[]>>>;
}

export const emptyLedger: Ledger = {
  now: 0,
  beatAt: null,
  gaps: [],
  storm: null,
  delegations: {},
  activities: {},
};

export const STUCK_AFTER_TICKS = 10.5;
export const HOLD_MAX_TICKS = 5.5;

const forward: Record<Status, readonly Status[]> = {
  queued: ['dispatched', 'in_progress', 'failed'],
  dispatched: ['in_progress', 'completed', 'failed'],
  in_progress: ['completed', 'failed', 'stuck'],
  completed: [],
  failed: [],
  stuck: [],
};
const isOpen = ({ status }: Delegation) => forward[status].length > 0;

function entries(ledger: Ledger): [Id, Delegation][] {
  return Object.entries(ledger.delegations) as [Id, Delegation][];
}

function put(ledger: Ledger, id: Id, delegation: Delegation): Ledger {
  return { ...ledger, delegations: { ...ledger.delegations, [id]: delegation } };
}

function record(ledger: Ledger, id: Id, activity: Activity): Ledger {
  return { ...ledger, activities: { ...ledger.activities, [id]: [...(ledger.activities[id] ?? []), activity] } };
}

export function insert(ledger: Ledger, { id, caller, callee, key, deadlineTicks }: Insert) {
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

/** Two heartbeats at once may both be answered `stamped`: debouncing saves writes and promises nothing. */
export function heartbeat(ledger: Ledger, { id }: Pick<Heartbeat, 'id'>) {
  const found = ledger.delegations[id];
  if (!found) return { ledger, result: { delegationId: id, outcome: 'missing' } };
  const answer = (outcome: string) => ({ delegationId: id, outcome, status: found.status });
  if (!isOpen(found)) return { ledger, result: answer('terminal') };
  if (found.heardAt === ledger.now) return { ledger, result: answer('fresh') };
  return { ledger: put(ledger, id, { ...found, heardAt: ledger.now }), result: answer('stamped') };
}

/** Each id once, whatever the list. */
export function heartbeatMany(ledger: Ledger, { ids }: HeartbeatMany) {
  const answers = new Map<Id, ReturnType<typeof heartbeat>['result']>();
  let after = ledger;
  for (const id of new Set(ids)) {
    const step = heartbeat(after, { id });
    after = step.ledger;
    answers.set(id, step.result);
  }
  return { ledger: after, result: ids.map((id) => answers.get(id)!) };
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
    const moved = put(ledger, id, {
      ...found,
      status: to,
      ...(to === 'in_progress' && { heardAt: ledger.now }),
      ...(forward[to].length === 0 && { [column]: text }),
    });
    const activity = { event: `delegation.${to}`, from, to, actor: 'ledger', detail, body };
    return { ledger: record(moved, id, activity), result: { outcome: 'changed', from, to } };
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

/** Since the last beat, when that is a tick ago or more. */
function openGap({ now, beatAt }: Ledger): Gap[] {
  return beatAt !== null && beatAt < now ? [{ startAt: beatAt, endAt: now }] : [];
}

export function beat(ledger: Ledger): Ledger {
  return { ...ledger, gaps: [...ledger.gaps, ...openGap(ledger)], beatAt: ledger.now };
}

/** A daemon that observes leaves a beat first and goes on beating. */
export function advance(ledger: Ledger, { ticks, observed }: Omit<Advance, 'op'>): Ledger {
  const from = observed ? beat(ledger) : ledger;
  const now = from.now + ticks;
  return { ...from, now, ...(observed && { beatAt: now }) };
}

/** Ticks between an instant and now in which a daemon watched: an agent's silence is counted in these. */
function observedSince(ledger: Ledger, since: Tick): Tick {
  const unobserved = [...ledger.gaps, ...openGap(ledger)].map(({ startAt, endAt }) => endAt - Math.max(startAt, since));
  return ledger.now - since - unobserved.filter((ticks) => ticks > 0).reduce((sum, ticks) => sum + ticks, 0);
}

/** Unobserved ticks that a sweep reports: those between now and the horizon. */
export function unobservedTicks(ledger: Ledger): Tick {
  let allowed = STUCK_AFTER_TICKS;
  let unobserved = 0;
  let at = ledger.now;
  for (const { startAt, endAt } of [...ledger.gaps, ...openGap(ledger)].toReversed()) {
    if (at - endAt >= allowed) break;
    allowed -= at - endAt;
    unobserved += endAt - startAt;
    at = startAt;
  }
  return unobserved;
}

export function isOverdue(ledger: Ledger, delegation: Delegation): boolean {
  return isOpen(delegation) && delegation.deadlineAt < ledger.now;
}

export function isStale(ledger: Ledger, delegation: Delegation): boolean {
  return (
    delegation.status === 'in_progress' &&
    delegation.heardAt !== null &&
    observedSince(ledger, delegation.heardAt) > STUCK_AFTER_TICKS &&
    !isOverdue(ledger, delegation)
  );
}

export type Rule = 'overdue' | 'stale';

/** The sweep marks one row; null when it must not. */
export function mark(ledger: Ledger, id: Id, rule: Rule): Ledger | null {
  const found = ledger.delegations[id];
  if (!found || !(rule === 'overdue' ? isOverdue : isStale)(ledger, found)) return null;
  const to = rule === 'overdue' ? 'failed' : 'stuck';
  const errorDetail = rule === 'overdue' ? 'deadline exceeded' : 'no heartbeat for #s';
  const activity = {
    event: `delegation.${to}`,
    from: found.status,
    to,
    actor: 'sweeper',
    detail: { rule },
    body: null,
  } as const;
  return record(put(ledger, id, { ...found, status: to, errorDetail }), id, activity);
}

export interface SweepBounds {
  readonly batchRowsMax: number;
  readonly rowsMax: number;
  readonly stormMinStale: number;
  /** 0: no storm guard. */
  readonly stormRatio: number;
}

/** What one rule of a sweep must do: mark `take` of these, the oldest tick first, in any order within a tick. */
export interface RulePlan {
  readonly candidates: readonly { readonly id: Id; readonly at: Tick }[];
  readonly take: number;
}

export interface StalePlan extends RulePlan {
  readonly held: boolean;
  /** The ledger with the storm guard's new memory. */
  readonly ledger: Ledger;
}

export function overduePlan(ledger: Ledger, { rowsMax }: SweepBounds): RulePlan {
  const candidates = entries(ledger)
    .filter(([, delegation]) => isOverdue(ledger, delegation))
    .map(([id, { deadlineAt }]) => ({ id, at: deadlineAt }));
  return { candidates, take: Math.min(rowsMax, candidates.length) };
}

/** Of the rows that the sweep before left silent, those that were heard since. To be called before anything is marked. */
export function cameBack({ storm, delegations }: Ledger): number {
  const still = ({ id, heardAt }: { id: Id; heardAt: Tick }) =>
    delegations[id]?.status === 'in_progress' && delegations[id].heardAt === heardAt;
  return storm === null ? 0 : storm.watched.filter((row) => !still(row)).length;
}

/** To be called when the overdue rows are marked. */
export function stalePlan(ledger: Ledger, bounds: SweepBounds, force: boolean, back: number): StalePlan {
  const open = entries(ledger)
    .filter(([, delegation]) => delegation.status === 'in_progress' && !isOverdue(ledger, delegation))
    .map(([id, { callee, heardAt }]) => ({ id, callee, heardAt: heardAt!, age: observedSince(ledger, heardAt!) }));
  const stormBounds = {
    minStale: bounds.stormMinStale,
    ratio: bounds.stormRatio,
    stuckAfterTicks: STUCK_AFTER_TICKS,
    maxHoldTicks: HOLD_MAX_TICKS,
  };
  const { allowed, held, storm } = stormPlan(
    ledger.storm,
    open,
    back,
    ledger.now,
    (since) => observedSince(ledger, since),
    stormBounds,
    force,
  );
  const candidates = open
    .filter(({ id }) => isStale(ledger, ledger.delegations[id]!))
    .map(({ id, heardAt }) => ({ id, at: heardAt }));
  return {
    candidates,
    take: Math.min(allowed, bounds.rowsMax, candidates.length),
    held,
    ledger: { ...ledger, storm },
  };
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
