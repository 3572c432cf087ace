import { isOneOf, Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { LedgerTables } from '../tables.ts';
import { openStatuses, type Status } from '../transitions.ts';

export interface HeartbeatRow {
  delegationId: string;
  status: Status;
  terminal: boolean;
  /** A stamp was due when the statement began; without `stamped` a rival stamped, finished or locks the delegation. */
  due: boolean;
  stamped: boolean;
  /** Milliseconds; null until a daemon has kept its threshold in the database. */
  stuckAfterMs: number | null;
  /** Another one: the database went back in time. Absent in the function of an older schema. */
  epoch?: string | null;
}

/** A tenth of the threshold: however long the caller's debounce, ten stamps fit into it. */
const DEBOUNCE_SHARE_OF_THRESHOLD = 10;

/** SQL: the row `d` was stamped so long ago that a stamp is due, with the debounce in $2. LEAST passes over NULL. */
function isDue(stuckAfterMs: string): string {
  return `(d.last_heartbeat IS NULL OR d.last_heartbeat <= clock_timestamp()
    - least($2::float8, ${stuckAfterMs}::float8 / ${DEBOUNCE_SHARE_OF_THRESHOLD}) * interval '1 millisecond')`;
}

/**
 * SQL: a rival has not finished the row `d` meanwhile. Not "finished_at IS NULL": that would let the planner read all of
 * delegations_deadline for one row, whenever it believes that few delegations are open.
 */
const isOpen = isOneOf('d.status', openStatuses);

/**
 * clock_timestamp() in the SET: after a wait for the row's lock PostgreSQL evaluates it again, so the stamp is the
 * moment of the write. greatest(): a stamp never goes back.
 */
const stamp = 'last_heartbeat = greatest(d.last_heartbeat, clock_timestamp())';

const answer = `seen.delegation_id AS "delegationId", seen.status AS "status", seen.terminal AS "terminal",
  seen.due AS "due", ${wholeNumber('seen.stuck_after_ms')} AS "stuckAfterMs", seen.epoch AS "epoch"`;

/**
 * One delegation's heartbeat, by the function of the schema: the same as below for one row, with plans that the server
 * keeps. A debounced one locks and writes nothing. Null: no such delegation. Parameters: $1 id, $2 debounce in ms.
 */
export function heartbeatStatement({ heartbeat }: LedgerTables): Statement<{ answer: HeartbeatRow | null }> {
  return new Statement(`SELECT ${heartbeat}($1, $2) AS "answer"`);
}

/**
 * Many at once, in one round trip. Rows are locked in key order before any is written, so two batches that share rows
 * cannot deadlock; `passing` over those that another session has locked, it waits for no one and none waits for it long.
 * Whether a stamp is due is judged again under the lock: of many sessions that queued up for one row, the first writes.
 * The ids stand in a subquery, whose length the planner does not look at: seeing a thousand of them, it would read all of
 * a table of tens of thousands. `in010`: for the schema of version 0.1.0, which keeps the threshold elsewhere and has no
 * epoch. Parameters: $1 ids, $2 debounce in ms.
 */
export function heartbeatManyStatement(
  { delegations, sweeperThreshold, sweeperState }: LedgerTables,
  locked: 'waiting' | 'passing' = 'waiting',
  schema: 'current' | 'in010' = 'current',
): Statement<HeartbeatRow> {
  const threshold = schema === 'current' ? sweeperThreshold : sweeperState;
  const epoch = schema === 'current' ? 't.epoch' : 'NULL::text AS epoch';
  return new Statement(`
WITH seen AS MATERIALIZED (
  SELECT d.delegation_id, d.status, d.finished_at IS NOT NULL AS terminal,
    d.finished_at IS NULL AND ${isDue('t.stuck_after_ms')} AS due, t.stuck_after_ms, ${epoch}
  FROM ${delegations} d LEFT JOIN ${threshold} t ON t.singleton
  WHERE d.delegation_id = ANY(ARRAY(SELECT unnest($1::text[])))),
locked AS MATERIALIZED (
  SELECT d.delegation_id FROM ${delegations} d
  WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM seen WHERE due)) AND ${isOpen}
    AND ${isDue(`(SELECT stuck_after_ms FROM ${threshold} WHERE singleton)`)}
  ORDER BY d.delegation_id FOR NO KEY UPDATE${locked === 'passing' ? ' SKIP LOCKED' : ''}),
stamped AS (
  UPDATE ${delegations} d SET ${stamp} FROM locked WHERE d.delegation_id = locked.delegation_id
  RETURNING d.delegation_id)
SELECT ${answer}, stamped.delegation_id IS NOT NULL AS "stamped"
FROM seen LEFT JOIN stamped ON stamped.delegation_id = seen.delegation_id`);
}

/** Which epoch it is, for a process that has nothing to heartbeat. */
export function epochStatement({ sweeperThreshold }: LedgerTables): Statement<{ epoch: string }> {
  return new Statement(`SELECT epoch AS "epoch" FROM ${sweeperThreshold} WHERE singleton`);
}
