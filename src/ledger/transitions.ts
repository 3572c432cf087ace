/**
 * The lifecycle, and the only place where it is written down. SQL predicates, command-line choices and docs derive
 * from this table; the migrations' literals are tested against it.
 */
export const transitions = {
  queued: ['dispatched', 'in_progress', 'failed'],
  // A caller need not acknowledge the dispatched stage: queued may skip it.
  dispatched: ['in_progress', 'completed', 'failed'],
  in_progress: ['completed', 'failed', 'stuck'],
  completed: [],
  failed: [],
  stuck: [],
} as const satisfies Record<string, readonly string[]>;

export type Status = keyof typeof transitions;

export const statuses = Object.keys(transitions) as readonly Status[];

export function isStatus(value: unknown): value is Status {
  return typeof value === 'string' && Object.hasOwn(transitions, value);
}

export function isTerminal(status: Status): boolean {
  return transitions[status].length === 0;
}

export const terminalStatuses = statuses.filter(isTerminal);
/** How work ends that was done: `stuck` is no result of it. */
export const resultStatuses = terminalStatuses.filter((status) => status !== 'stuck');
export const openStatuses = statuses.filter((status) => !isTerminal(status));

/** The guard: may a delegation go from one status to another? Forward only; never to itself. */
export function mayBecome(from: Status, to: Status): boolean {
  return (transitions[from] as readonly Status[]).includes(to);
}

/** Whether `to` may be reached from `from`, in one step or several. */
export function leadsTo(from: Status, to: Status): boolean {
  return transitions[from].some((next) => next === to || leadsTo(next, to));
}

/** The statuses from which `to` may be reached in one step. */
export function sourcesOf(to: Status): readonly Status[] {
  return statuses.filter((from) => mayBecome(from, to));
}

/**
 * Whether an end, `attempted`, is recorded as a late result because the row, which is `from`, cannot take it: finished
 * work must not be lost. A result (`completed`, `failed`) that the row does not have always is. The same end again, and
 * `stuck`, which is no result of work, only with a detail or a body that the row does not hold.
 */
export function isLateResult(from: Status, attempted: Status, hasNewPayload: boolean): boolean {
  if (!isTerminal(attempted) || mayBecome(from, attempted)) return false;
  return hasNewPayload || (from !== attempted && attempted !== 'stuck');
}
