import type { EventType } from './event-types.ts';

/**
 * A CloudEvents 1.0 object, as the data of a pg-boss job has it; docs/events/ has the JSON Schema of each type. Instants are
 * RFC 3339. What is not known is absent. It holds no preview, no body and no text of an agent.
 */
interface CloudEvent<Type extends EventType, Data> {
  readonly specversion: '1.0';
  /** Unique within its source: the activity's id, or of a hold `<sweep or hold id>:<held or released>`. */
  readonly id: string;
  /** `/delegation-sweeper/<database>/<schema>`. */
  readonly source: string;
  readonly type: Type;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: Data;
}

/** An event about one delegation. */
interface DelegationEvent<Type extends EventType, Data> extends CloudEvent<Type, DelegationData & Data> {
  /** The delegation's id. */
  readonly subject: string;
  /** The trace of whoever delegated: the extension Distributed Tracing. */
  readonly traceparent?: string;
}

interface DelegationData {
  readonly callerId: string;
  readonly calleeId: string;
  /** The status that it had. */
  readonly fromStatus: string;
  /** Which try at the same work it is, from 1 on. */
  readonly attempt: number;
  /** The delegation that it tries again. */
  readonly retryOf?: string;
  /** The delegation that tries it again. */
  readonly retriedAs?: string;
}

interface Mark {
  readonly sweepId: string;
  readonly toStatus: 'stuck' | 'failed';
  readonly lastHeartbeat?: string;
  readonly deadline: string;
  /** What came of asking its agent. */
  readonly probe?: { readonly outcome: string; readonly reason?: string };
}

/** A sweep marked it: its agent was silent, or made no progress, for longer than was allowed. */
export type StuckEvent = DelegationEvent<
  'delegation.stuck.v1',
  Mark & { readonly silentMs: number } & (
      | { readonly rule: 'stale'; readonly stuckAfterMs: number }
      | { readonly rule: 'stalled'; readonly stalledAfterMs: number; readonly progressAt?: string }
    )
>;

/** A sweep marked it: its deadline passed (`overdue`), or its agent, which was asked, answered that it failed (`answered`). */
export type FailedEvent = DelegationEvent<
  'delegation.failed.v1',
  | (Mark & { readonly rule: 'overdue'; readonly overdueMs: number })
  | { readonly rule: 'answered'; readonly toStatus: 'failed' }
>;

/** A result came that it can no longer take; its activity holds the result. */
export type LateResultEvent = DelegationEvent<
  'delegation.late_result.v1',
  {
    /** The status that the result would have given to it. */
    readonly attempted: string;
  }
>;

interface Hold {
  /** `storm`: the storm guard; `operator`: somebody, by the command `hold`. */
  readonly by: 'storm' | 'operator';
  /** The sweep that began or ended it. */
  readonly sweepId?: string;
  /** Why an operator holds. */
  readonly reason?: string;
  /** Rows that match a rule about silence, and those in progress, where they were counted. */
  readonly stale?: number;
  readonly inFlight?: number;
  readonly heldForMs: number;
}

/** From now on nothing is marked that is silent or stalled. */
export type HeldEvent = CloudEvent<
  'sweep.held.v1',
  Hold & {
    /** Of those in progress, the share that fell silent together. */
    readonly ratio?: number;
    /** The silent callees with most rows. */
    readonly callees?: readonly { readonly calleeId: string; readonly count: number }[];
    /** When it ends at the latest. */
    readonly releasesInMs: number;
  }
>;

/** A hold has ended. */
export type ReleasedEvent = CloudEvent<
  'sweep.released.v1',
  Hold & {
    /** `off`: the storm guard was turned off. */
    readonly why: 'calm' | 'max_hold' | 'off' | 'operator' | 'expired';
  }
>;

export type LedgerEvent = StuckEvent | FailedEvent | LateResultEvent | HeldEvent | ReleasedEvent;
