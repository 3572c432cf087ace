/**
 * The lifecycle, and the only place where it is written down. SQL predicates, command-line choices and docs derive
 * from this table; the migrations' literals are tested against it.
 */
export const transitions = {
  queued: ['dispatched', 'in_progress', 'failed'],
  // A caller that never acknowledges the dispatched stage must not be punished: queued may skip it.
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
export const openStatuses = statuses.filter((status) => !isTerminal(status));

/** The guard: may a delegation go from one status to another? Forward only; never to itself. */
export function mayBecome(from: Status, to: Status): boolean {
  return (transitions[from] as readonly Status[]).includes(to);
}

/** The statuses from which `to` may be reached. */
export function sourcesOf(to: Status): readonly Status[] {
  return statuses.filter((from) => mayBecome(from, to));
}

/**
 * A result that reaches a delegation already given up on: refused like any step backwards, but recorded, since finished
 * work must not be lost.
 */
export function isLateResult(from: Status, attempted: Status): boolean {
  const result = attempted === 'completed' || attempted === 'failed';
  return result && (from === 'stuck' || from === 'failed') && from !== attempted;
}
