import type { A2aTask } from './a2a-task.ts';
import type { Delegation } from './delegation.ts';
import type { Status } from './transitions.ts';

/** Whose delegation of a task: the caller's, or the one of the agent that does it. Each looks up its own. */
export type A2aSide = { readonly callerId: string } | { readonly calleeId: string };

/** What the agent's own task store holds: a state that is `open`, or the task's end. */
export type A2aStoreState = 'open' | 'ended';

export interface A2aObserveOptions {
  /** Which task it is: recorded in the same round trip. */
  readonly task?: A2aTask | undefined;
  /** By the agent that keeps the task alone. */
  readonly storeState?: A2aStoreState | undefined;
  /** Recorded in the activity: 1 to 200 characters. Default `a2a`. */
  readonly actor?: string | undefined;
  /** The actor has seen the wait that an open state now ends. Otherwise only a wait that it recorded itself ends. Default false. */
  readonly knowsWait?: boolean | undefined;
}

/**
 * `changed`: the status, or a wait. `unchanged`: a sign of life, or what it was already. `refused`: it has ended otherwise; a
 * result is recorded as late. `missing`: no such delegation. `invalid`, `failed`: nothing was written; logged.
 */
export type A2aObserveResult =
  | {
      readonly outcome: 'changed' | 'unchanged' | 'refused';
      readonly status: Status;
      /** The threshold it is judged by, in milliseconds; null until a daemon has run. */
      readonly stuckAfterMs: number | null;
    }
  | { readonly outcome: 'missing'; readonly status: null }
  | { readonly outcome: 'invalid' | 'failed'; readonly status: null; readonly error: Error };

/** `found`: the store follows it already. `duplicate`: the caller's own, by its key. The others as of insert. */
export type A2aBeginResult =
  | { readonly outcome: 'found' | 'inserted' | 'duplicate'; readonly delegationId: string; readonly status: Status }
  | { readonly outcome: 'invalid' | 'failed'; readonly delegationId: string; readonly error: Error };

/** A delegation whose task store is not known to hold its end, with its task. */
export interface OpenA2aTask extends Delegation {
  readonly tenant: string;
  readonly taskId: string;
  readonly contextId: string | null;
  readonly userName: string | null;
  /** Milliseconds since its agent was last heard, or its row was last changed, on the database's clock. */
  readonly silentMs: number;
  /** The threshold it is judged by, in milliseconds; null until a daemon has run. */
  readonly judgedByMs: number | null;
}
