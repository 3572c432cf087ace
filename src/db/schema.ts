import type { ColumnType, Generated, Kysely } from 'kysely';

/** A timestamptz: read as a Date; written as a Date, an ISO string, or left to the column's default. */
type Timestamp = ColumnType<Date, Date | string | undefined, Date | string>;
type NullableTimestamp = ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
type NullableText = ColumnType<string | null, string | null | undefined, string | null>;
/** A bigint, which node-postgres reads as text. */
type NullableMs = ColumnType<string | null, number | null | undefined, number | null>;
type Json = ColumnType<unknown, string | null | undefined, string | null>;

/** The tables as Kysely sees them; migrations/ explains each column. */
export interface Database {
  delegations: {
    delegation_id: string;
    caller_id: string;
    callee_id: string;
    status: Generated<string>;
    last_heartbeat: NullableTimestamp;
    heartbeat_bucket: ColumnType<Date | null, never, never>;
    deadline: Timestamp;
    finished_at: NullableTimestamp;
    created_at: Timestamp;
    updated_at: Timestamp;
    idempotency_key: NullableText;
    task_preview: string;
    result_preview: NullableText;
    error_detail: NullableText;
    stuck_after_ms: NullableMs;
    waiting_since: NullableTimestamp;
    waiting_until: NullableTimestamp;
    waiting_reason: NullableText;
    progress: NullableText;
    progress_at: NullableTimestamp;
    stalled_after_ms: NullableMs;
    retry_of: NullableText;
    attempt: Generated<number>;
    traceparent: NullableText;
    start_after: NullableTimestamp;
    suspect_at: NullableTimestamp;
    lowered_from_ms: NullableMs;
    lowered_at: NullableTimestamp;
    stalled_from: NullableTimestamp;
    revision: Generated<number>;
  };
  activity_logs: {
    activity_id: ColumnType<string, never, never>;
    created_at: Timestamp;
    delegation_id: string;
    event: string;
    from_status: NullableText;
    to_status: NullableText;
    actor: string;
    detail: ColumnType<Record<string, unknown>, string | undefined, string>;
    request_body: Json;
    response_body: Json;
  };
  a2a_tasks: {
    delegation_id: string;
    agent_url: string;
    tenant: Generated<string>;
    task_id: string;
    context_id: NullableText;
    user_name: NullableText;
    store_state: NullableText;
    claimed_until: NullableTimestamp;
    created_at: Timestamp;
  };
  sweeper_state: {
    singleton: Generated<boolean>;
    stuck_after_ms: NullableMs;
    beat_at: NullableTimestamp;
    sweep_id: NullableText;
    tick_sweep_id: NullableText;
    swept_at: NullableTimestamp;
    storm_held_since: NullableTimestamp;
    storm_released_at: NullableTimestamp;
    storm_forming_since: NullableTimestamp;
    storm_released_why: NullableText;
    storm_partial_since: NullableTimestamp;
    storm_came_back: ColumnType<string, number | undefined, number>;
    storm_came_back_at: NullableTimestamp;
    storm_watched: ColumnType<string, number | undefined, number>;
    storm_watched_before: NullableTimestamp;
    storm_watched_at: NullableTimestamp;
  };
  sweeper_gaps: { gap_start: Timestamp; gap_end: Timestamp; kind: Generated<string> };
  sweeper_threshold: {
    singleton: Generated<boolean>;
    stuck_after_ms: NullableMs;
    epoch: Generated<string>;
  };
  sweeper_lowerings: { lowered_at: Timestamp; stuck_after_ms: ColumnType<string, number, number> };
  sweeper_daemons: { daemon_id: string; stuck_after_ms: ColumnType<string, number, number>; beat_at: Timestamp };
  sweeper_sweeps: {
    sweep_id: string;
    started_at: Timestamp;
    trigger: string;
    stuck: number;
    stalled: Generated<number>;
    retried: Generated<number>;
    failed: number;
    poisoned: number;
    remaining: number;
    truncated: boolean;
    held: boolean;
    batches: number;
    duration_ms: ColumnType<string, number, number>;
    unobserved_ms: ColumnType<string, number, number>;
    callees: Json;
    marks: Json;
    sweeps: Generated<number>;
  };
  sweeper_holds: {
    hold_id: ColumnType<string, never, never>;
    made_at: Timestamp;
    held_since: Timestamp;
    held_until: Timestamp;
    reason: string;
    made_by: string;
    made_role: Generated<string>;
    ended_at: NullableTimestamp;
    ended_why: NullableText;
    ended_by: NullableText;
    ended_role: NullableText;
    end_logged: Generated<boolean>;
  };
  sweeper_notices: { kind: string; subject: string; noticed_at: Timestamp };
  sweeper_advice: {
    day: ColumnType<Date, string, string>;
    callee_id: string;
    started: ColumnType<string, number | undefined, number>;
    sampled: ColumnType<string, number | undefined, number>;
    own: ColumnType<string, number | undefined, number>;
    own_min_ms: NullableMs;
    own_max_ms: NullableMs;
    gaps: Json;
    longest: Json;
    detected: Json;
  };
  sweeper_retention: {
    singleton: Generated<boolean>;
    delegations_before: NullableTimestamp;
    activity_before: NullableTimestamp;
  };
  sweeper_advice_state: { singleton: Generated<boolean>; since: Timestamp; followed: Json };
}

export type TableName = keyof Database & string;
/**
 * Any Kysely that can reach the tables: also one that knows an application's own tables as well, or a transaction.
 */
// biome-ignore lint/suspicious/noExplicitAny: Kysely is invariant in its tables; the caller's other tables do not matter here.
export type LedgerDb = Kysely<any>;

/**
 * The table's quoted name as this Kysely addresses it, schema included where `withSchema` set one.
 * `withSchema` does not rewrite raw SQL, so the name is taken from a query that it does rewrite.
 */
export function tableReference(db: LedgerDb, table: TableName): string {
  const { sql } = db.selectFrom(table).select('x').compile();
  return sql.slice(sql.indexOf(' from ') + ' from '.length);
}
