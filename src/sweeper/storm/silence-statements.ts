import { literal, Statement, wholeNumber } from '../../db/positional-statement.ts';
import { type Status, sourcesOf } from '../../ledger/transitions.ts';
import { timestampOf } from '../instant.ts';
import { isNotKnownPoison } from '../pass/mark.ts';
import { isNotOverdue, stale } from '../pass/rules.ts';
import type { SweeperTables } from '../tables.ts';
import { AGE_BINS } from './ages.ts';
import type { CalleeCount } from './probe.ts';

/** Rows in progress that are counted at most, the longest silent first. */
export const ROWS_COUNTED_MAX = 1_000_000;

/** Callees named in an event. */
const CALLEES_NAMED_MAX = 5;

const [inProgress] = sourcesOf('stuck') as [Status];

/** SQL: in progress, and not the deadline rule's. */
const open = `d.status = ${literal(inProgress)} AND ${isNotOverdue(timestampOf('$1'), '$2')}`;

/** SQL: of these, last heard before $3. */
const heardBefore = `${open} AND d.heartbeat_bucket <= ${timestampOf('$3')} AND d.last_heartbeat < ${timestampOf('$3')}`;

/** In the order of the index delegations_heartbeat_bucket: it keeps the planner there, and bounds the count by age. */
const inOrder = 'ORDER BY d.heartbeat_bucket, d.delegation_id';

/**
 * SQL: rows that sweeps leave behind anyway say nothing of a storm: those known to be poisoned, and those that a running
 * transaction has locked. The array of running transactions is read once, and only when a row is there to be asked about.
 */
const isCountable = (tables: SweeperTables) => `${isNotKnownPoison(tables)}
    AND d.xmax <> ALL (ARRAY(SELECT l.transactionid FROM pg_locks l WHERE l.locktype = 'transactionid' AND l.granted))`;

/**
 * Whether there is any row that a sweep could mark, or that was last heard before another instant. The idle case ends here.
 * Parameters: $1 now, $2 staleness, $3 the instant (the horizon, or a later one).
 */
export function anySilentStatement(tables: SweeperTables): Statement<{ any: boolean }> {
  return new Statement(`
SELECT count(*) > 0 AS "any" FROM (
  SELECT FROM ${tables.delegations} d WHERE ${heardBefore} AND ${isCountable(tables)} ${inOrder} LIMIT 1) probed`);
}

export interface AgeCount {
  readonly stale: number;
  /** By age, youngest first; the last holds what is past the horizon. */
  readonly rowsByAge: readonly number[];
}

/**
 * The rows in progress by the age of their last heartbeat. What has passed its deadline is the other rule's.
 * Parameters: $1 now, $2 staleness, $3 the instants that part the ages, oldest first, in Micros.
 */
export function ageCountStatement(tables: SweeperTables): Statement<AgeCount> {
  return new Statement(`
WITH open AS (
  SELECT (${stale.matches}) AS is_stale, width_bucket(d.last_heartbeat,
    ARRAY(SELECT ${timestampOf('us')} FROM unnest($3::float8[]) WITH ORDINALITY parts (us, n) ORDER BY n)) AS bucket
  FROM ${tables.delegations} d
  WHERE ${open} AND d.last_heartbeat IS NOT NULL AND ${isCountable(tables)}
  ${inOrder} LIMIT ${ROWS_COUNTED_MAX}),
ages AS (
  -- What is past the horizon and yet not stale is judged by a longer threshold.
  SELECT CASE WHEN is_stale THEN ${AGE_BINS} ELSE least(${AGE_BINS - 1}, ${AGE_BINS} - bucket) END AS bin, count(*) AS rows
  FROM open GROUP BY 1)
SELECT ${wholeNumber(`coalesce(max(a.rows) FILTER (WHERE bin = ${AGE_BINS}), 0)`)} AS "stale",
  json_agg(coalesce(a.rows, 0) ORDER BY bin) AS "rowsByAge"
FROM generate_series(0, ${AGE_BINS}) bin LEFT JOIN ages a USING (bin)`);
}

export interface SilentCallees {
  readonly callees: number;
  /** The callees with most of them, most first. */
  readonly top: readonly CalleeCount[];
}

/** Whose rows fell silent. Parameters: $1 now, $2 staleness, $3 the instant before which they were last heard. */
export function silentCalleesStatement(tables: SweeperTables): Statement<SilentCallees> {
  return new Statement(`
WITH silent AS (
  SELECT d.callee_id FROM ${tables.delegations} d
  WHERE ${heardBefore} AND ${isCountable(tables)}
  ${inOrder} LIMIT ${ROWS_COUNTED_MAX}),
per AS (SELECT callee_id, count(*) AS rows FROM silent GROUP BY callee_id)
SELECT ${wholeNumber('count(*)')} AS "callees",
  coalesce((SELECT json_agg(json_build_object('calleeId', callee_id, 'count', rows) ORDER BY rows DESC, callee_id)
            FROM (SELECT * FROM per ORDER BY rows DESC, callee_id LIMIT ${CALLEES_NAMED_MAX}) named), '[]') AS "top"
FROM per`);
}
