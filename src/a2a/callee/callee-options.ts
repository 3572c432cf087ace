import type { ServerCallContext } from '@a2a-js/sdk/server';
import type { DelegationLedger } from '../../index.ts';

/** Of the agent's side. */
export interface CalleeOptions {
  readonly ledger: DelegationLedger;
  /** Where the agent is called, the first URL of its card: its callers know its tasks by it. At most 500 bytes. */
  readonly agentUrl: string;
  /** This agent's name in the ledger, 1 to 200 characters. Default: the first 200 characters of its URL, as for its callers. */
  readonly calleeId?: string | undefined;
  /**
   * Who delegated. Where it is the caller's own id in this ledger, both share its delegation, which the message's id names.
   * Default: the name of the authenticated user, else `a2a`.
   */
  readonly callerId?: ((context: ServerCallContext) => string) | undefined;
  /** Milliseconds until a new delegation counts as failed. Default: six hours. */
  readonly deadlineMs?: number | undefined;
  /** A new delegation's own threshold of silence, in milliseconds. Default: the daemons' STUCK_AFTER. */
  readonly stuckAfterMs?: number | undefined;
  /** Milliseconds without progress after which a new delegation counts as stuck. Default: never. */
  readonly stalledAfterMs?: number | undefined;
  /** The context by which the task store finds a task when no call is being served. Default: its tenant and user's name. */
  readonly contextOf?: ((scope: TaskScope) => ServerCallContext) | undefined;
}

/** In whose name a task store holds a task. */
export interface TaskScope {
  /** Empty: none. */
  readonly tenant: string;
  /** Empty: nobody was authenticated. */
  readonly userName: string;
}
