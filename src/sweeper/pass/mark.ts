import { literal, Statement, wholeNumber } from '../../db/positional-statement.ts';
import { transitionCtes } from '../../ledger/statements/transition.ts';
import type { Status } from '../../ledger/transitions.ts';
import { type Micros, microsOf, timestampOf, wholeMsOf } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';
import type { Rule } from './rules.ts';

/** A row's place in a rule's order. */
export interface Cursor {
  readonly keyUs: Micros;
  readonly delegationId: string;
}

/** Before every row: no instant of a real one is earlier than 4713 BC. */
export const cursorStart: Cursor = { keyUs: Number.NEGATIVE_INFINITY, delegationId: '' };

/** A batch's rows: after one place, up to and with another. */
export interface Range {
  readonly after: Cursor;
  readonly upTo: Cursor;
  /** Rows in it when it was planned. */
  readonly rows: number;
}

/** A row that was marked, with its evidence. Instants in milliseconds since 1970. */
export interface MarkedRow {
  readonly delegationId: string;
  readonly callerId: string;
  readonly calleeId: string;
  readonly fromStatus: Status;
  readonly lastHeartbeatMs: number | null;
  readonly deadlineMs: number;
  readonly latenessMs: number;
}

/**
 * Every answer names the sweep that has the lease, also one without rows, whose one row is otherwise NULL: so a batch
 * that found nothing is distinguished from a batch of a sweep that lost its lease.
 */
export type Leased<Row extends { delegationId: string }> = { readonly leaseId: string | null } & (
  | Row
  | { readonly delegationId: null }
);

/** `others`: sessions that were writing delegations at the batch's end, our other lane among them. */
export type MarkAnswer = Leased<MarkedRow> & { readonly others: number };
export type PlanAnswer = Leased<Cursor & { readonly rows: number }>;

/** SQL: the row's place in the order, against the one in these two parameters. */
function isAfter(rule: Rule, keyUs: string, delegationId: string): string {
  return `${place(rule)} > ${placeOf(keyUs, delegationId)}`;
}

function isUpTo(rule: Rule, keyUs: string, delegationId: string): string {
  return `${place(rule)} <= ${placeOf(keyUs, delegationId)}`;
}

function place(rule: Rule): string {
  return `(d.${rule.key}, d.delegation_id)`;
}

/** '-infinity' has no count of microseconds. */
function placeOf(keyUs: string, delegationId: string): string {
  return `(CASE WHEN ${keyUs}::float8 = '-infinity' THEN '-infinity' ELSE ${timestampOf(keyUs)} END, ${delegationId}::text)`;
}

/**
 * SQL: the row is not known to be poisoned. One probe of the notices' key for each row looked at, however many are known;
 * OFFSET keeps it from becoming a join, for which the rows would lose their order. Left out while none is known.
 */
export function isNotKnownPoison({ notices }: SweeperTables): string {
  return `NOT EXISTS (SELECT FROM ${notices} n
    WHERE n.kind = 'poisoned' AND n.subject = d.delegation_id COLLATE "default" OFFSET 0)`;
}

/** SQL: rows to leave out: those that the pass has found, and, where some are known from before, those as well. */
function isSpared(tables: SweeperTables, foundIds: string, { someKnown }: Sparing): string {
  const isFound = `d.delegation_id <> ALL(${foundIds}::text[])`;
  return someKnown ? `${isFound} AND ${isNotKnownPoison(tables)}` : isFound;
}

/** Whether rows are known whose update raises. */
export interface Sparing {
  readonly someKnown: boolean;
}

/** Locks of whole tables are open to every role, what a session is doing is not. */
function othersAtWork({ delegations }: SweeperTables): string {
  return `(SELECT count(DISTINCT l.pid)::int FROM pg_locks l WHERE l.relation = ${literal(delegations)}::regclass
    AND l.mode = 'RowExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid())`;
}

function leaseId({ sweeperState }: SweeperTables): string {
  return `(SELECT sweep_id FROM ${sweeperState} WHERE singleton)`;
}

/**
 * Where the next batches end, in order: a pass over the rows that locks nothing, at a hundredth of what marking them
 * costs. So several batches can be in flight and never meet.
 * Parameters: $1 now, $2 staleness, $3 rows at most, $4 and $5 the cursor, $6 ids to leave out, $7 rows in a batch.
 */
export function planStatement(
  tables: SweeperTables,
  rule: Rule,
  sparing: Sparing = { someKnown: false },
): Statement<PlanAnswer> {
  return new Statement(`
WITH matching AS (
  SELECT d.${rule.key} AS key, d.delegation_id
  FROM ${tables.delegations} d
  WHERE ${rule.matches} AND ${isAfter(rule, '$4', '$5')} AND ${isSpared(tables, '$6', sparing)}
  ORDER BY d.${rule.key}, d.delegation_id LIMIT $3::int),
numbered AS (
  SELECT key, delegation_id, row_number() OVER places AS n, lead(delegation_id) OVER places IS NULL AS is_last
  FROM matching WINDOW places AS (ORDER BY key, delegation_id))
SELECT ${leaseId(tables)} AS "leaseId", e.delegation_id AS "delegationId", ${wholeNumber(microsOf('e.key'))} AS "keyUs",
  ((e.n - 1) % $7::int + 1)::int AS "rows"
FROM (VALUES ($7::int)) one LEFT JOIN (SELECT * FROM numbered WHERE n % $7::int = 0 OR is_last) e ON true
ORDER BY e.n`);
}

/**
 * Marks one batch: picks and locks what matches, moves it through the ledger's guard, records it, and returns the
 * evidence. What a rival holds is skipped; what a heartbeat or a completion changed before the lock is judged again as
 * it is now, and left alone. A batch of a sweep that no longer has the lease picks nothing.
 * Parameters: $1 now, $2 staleness, $3 sweep id, $4 threshold in ms, $5 rows at most, $6 ids to leave out, $7 and $8 the
 * place that it begins after, $9 and $10 the one that it ends with.
 */
export function markBatchStatement(
  tables: SweeperTables,
  rule: Rule,
  sparing: Sparing = { someKnown: false },
): Statement<MarkAnswer> {
  return markStatement(tables, rule, `${isWithin(rule)} AND ${isSpared(tables, '$6', sparing)}`);
}

/** The same for named rows: how a row whose update raises is distinguished from its neighbours. $6: the ids. */
export function markRowsStatement(tables: SweeperTables, rule: Rule): Statement<MarkAnswer> {
  return markStatement(tables, rule, 'd.delegation_id = ANY($6::text[])');
}

function isWithin(rule: Rule): string {
  return `${isAfter(rule, '$7', '$8')} AND ${isUpTo(rule, '$9', '$10')}`;
}

function markStatement(tables: SweeperTables, rule: Rule, which: string): Statement<MarkAnswer> {
  const detail = `jsonb_build_object('rule', '${rule.name}', 'sweepId', $3::text, 'lastHeartbeat', m.last_heartbeat,
      'deadline', m.deadline, ${rule.name === 'stale' ? `'stuckAfterMs', $4::numeric, 'silentMs'` : `'overdueMs'`}, m.lateness_ms)`;
  return new Statement(`
WITH picked AS MATERIALIZED (
  SELECT d.ctid AS place, d.delegation_id, d.status
  FROM ${tables.delegations} d
  WHERE ${rule.matches}
    AND ${which}
    AND ${leaseId(tables)} = $3::text
  ORDER BY d.${rule.key}, d.delegation_id LIMIT $5::int FOR NO KEY UPDATE SKIP LOCKED),
${transitionCtes(tables, {
  to: rule.to,
  set: { error_detail: rule.errorDetail },
  actor: `'sweeper'`,
  detail,
  // Locked, it stays where it is. A row that moved between this statement's snapshot and its lock is not seen there,
  // and is the next sweep's.
  by: 'place',
  returning: [
    'd.caller_id',
    'd.callee_id',
    'd.last_heartbeat',
    'd.deadline',
    `${wholeMsOf(rule.lateness)} AS lateness_ms`,
  ],
})}
SELECT ${leaseId(tables)} AS "leaseId", ${othersAtWork(tables)} AS "others", m.delegation_id AS "delegationId", m.caller_id AS "callerId",
  m.callee_id AS "calleeId", m.from_status AS "fromStatus", ${wholeNumber(wholeMsOf('m.last_heartbeat'))} AS "lastHeartbeatMs",
  ${wholeNumber(wholeMsOf('m.deadline'))} AS "deadlineMs", ${wholeNumber('m.lateness_ms')} AS "latenessMs"
FROM (VALUES ($4::numeric)) one LEFT JOIN moved m ON true`);
}

/**
 * The keys of a batch's rows, in order. Locks nothing.
 * Parameters: $1 now, $2 staleness, $3 rows at most, $4 and $5, $6 and $7 the range, $8 ids to leave out.
 */
export function batchKeysStatement(
  tables: SweeperTables,
  rule: Rule,
  sparing: Sparing = { someKnown: false },
): Statement<{ delegationId: string }> {
  return new Statement(`
SELECT d.delegation_id AS "delegationId"
FROM ${tables.delegations} d
WHERE ${rule.matches} AND ${isAfter(rule, '$4', '$5')} AND ${isUpTo(rule, '$6', '$7')}
  AND ${isSpared(tables, '$8', sparing)}
ORDER BY d.${rule.key}, d.delegation_id LIMIT $3::int`);
}
