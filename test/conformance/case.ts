import type { Status } from '../../src/ledger/transitions.ts';

/** An instant that every client sends as its language's own type. */
export interface Instant {
  readonly instant: string;
}

/** A JSON body, or null. */
export interface Json {
  readonly json: unknown;
}

export type Value = string | number | null | undefined | Instant | Json;

/** The library's methods, each of which is a function of the schema, too. */
export type Method = 'insert' | 'setStatus' | 'heartbeat' | 'wait' | 'resume' | 'adjust' | 'retry';

/** What comes back, by the library's names; a client of the functions translates. */
export interface Answer {
  readonly outcome?: string;
  readonly delegationId?: string | null;
  readonly attempt?: number | null;
  readonly lateResult?: boolean;
  readonly status?: Status | null;
  readonly from?: Status | null;
  readonly to?: Status;
  readonly stuckAfterMs?: number | null;
  /** ISO 8601. */
  readonly waitingUntil?: string | null;
  /** The argument that was refused, by its name in the library. */
  readonly refusedArgument?: string;
  /** Of a failure. */
  readonly sqlState?: string;
}

/** A call with its arguments, by the library's names, and what it answers; or a statement of the client's own. */
export type Step =
  | {
      readonly call: Method;
      readonly with: Readonly<Record<string, Value>>;
      readonly answers: Answer;
      /** The clients that can say it: a NUL, for instance, is nothing that PostgreSQL's text can hold. Default: all. */
      readonly only?: 'library' | 'functions';
    }
  | { readonly sql: string; readonly sqlState?: string }
  /** What is set up beside the client, by the ledger's owner. */
  | { readonly byOwner: string };

export interface Row {
  /** Columns as they are in the end. */
  readonly is?: Readonly<Record<string, unknown>>;
  /** SQL conditions that hold for the row. */
  readonly holds?: readonly string[];
}

export interface Activity {
  readonly event: string;
  readonly from_status?: Status | null;
  readonly to_status?: Status | null;
  readonly actor?: string;
  readonly detail?: unknown;
  readonly request_body?: unknown;
  readonly response_body?: unknown;
}

export interface Case {
  readonly title: string;
  readonly steps: readonly Step[];
  /** By delegation; null: there is no such row. */
  readonly rows?: Readonly<Record<string, Row | null>>;
  /** By delegation: all that it has, oldest first. */
  readonly activity?: Readonly<Record<string, readonly Activity[]>>;
}

/** In a case: the role by which the client is connected. */
export const ROLE = '(the role)';

/** What every insert needs. */
export const delegation = (delegationId: string) => ({
  delegationId,
  callerId: 'caller',
  calleeId: 'callee',
  taskPreview: 'task',
});

export function insert(delegationId: string, more: Readonly<Record<string, Value>> = {}): Step {
  return {
    call: 'insert',
    with: { ...delegation(delegationId), ...more },
    answers: { outcome: 'inserted', delegationId, status: 'queued' },
  };
}

export function setStatus(
  delegationId: string,
  status: Status,
  answers: Answer,
  more: Readonly<Record<string, Value>> = {},
): Step {
  return { call: 'setStatus', with: { delegationId, status, ...more }, answers };
}

/** The steps by which a delegation comes to a status. */
export function brought(
  delegationId: string,
  status: Status,
  more: Readonly<Record<string, Value>> = {},
): readonly Step[] {
  const ways: Readonly<Record<Status, readonly Status[]>> = {
    queued: [],
    dispatched: ['dispatched'],
    in_progress: ['in_progress'],
    completed: ['in_progress', 'completed'],
    failed: ['failed'],
    stuck: ['in_progress', 'stuck'],
  };
  return [
    insert(delegationId, more),
    ...ways[status].map((to) => setStatus(delegationId, to, { outcome: 'changed', to })),
  ];
}

/** As if its agent had been silent for so long. */
export function silent(delegationId: string, seconds: number): Step {
  return {
    sql: `UPDATE delegations SET last_heartbeat = statement_timestamp() - interval '${seconds} seconds'
      WHERE delegation_id = '${delegationId}'`,
  };
}

/** The threshold that the daemons agree on. */
export function threshold(ms: number): Step {
  return { byOwner: `UPDATE sweeper_threshold SET stuck_after_ms = ${ms}` };
}

/** An instant so many milliseconds from when the case was loaded, which may be minutes before it is run. */
export function fromNow(ms: number): Instant {
  return { instant: new Date(Date.now() + ms).toISOString() };
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
