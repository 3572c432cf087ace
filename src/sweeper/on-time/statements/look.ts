import type { Parameter } from '../../../db/parameter.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { isHeldByOperator } from '../../hold/statements/held.ts';
import { isInProgress } from '../../in-progress.ts';
import { timestampOf } from '../../instant.ts';
import { readingColumns } from '../../observed-time/statements/reading.ts';
import { silentAt, stalledAt } from '../../pass/due-at.ts';
import { jumpedSinceCreated, ruleParameters } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import type { HeardRange } from '../heard-ranges.ts';

/** The width of a bucket of last_heartbeat. */
const BUCKET = "interval '5 minutes'";
/** Rows in progress that one look reads at most. */
const ROWS_MAX = 1_000_000;
/** Open deadlines that are read at most after a clock jump, when they do not come due in their order. */
const JUMPED_DEADLINES_MAX = 10_000;

/** Rows with thresholds of their own, or that wait: those that may come due within this time, and the first of them. */
const SPECIAL_AHEAD = "interval '10 seconds'";
const SPECIAL_MAX = 10_000;

const now = 'statement_timestamp()';

const ranges: Parameter<readonly HeardRange[]> = parameter.json;

/**
 * What comes due next, and what a sweep would judge by. With a healthy fleet it probes three indexes; when rows of the
 * horizon's bucket are alive it reads that bucket.
 */
export function lookStatement(tables: SweeperTables) {
  const { delegations, sweeps, sweeperState, sweeperThreshold, holds } = tables;
  return statement({
    parameters: {
      daemonId: nullable(parameter.text),
      /** When the last sweep judged; null: it is not known yet, and no deadline is looked for. */
      judgedAt: nullable(parameter.micros),
      staleness: ruleParameters.staleness,
      /** No deadline before this one can have been open then. */
      deadlinesFrom: nullable(parameter.micros),
      /** Whether rows in progress are read, unless another sweep has judged since. */
      heard: parameter.boolean,
      /** When those that come due next were last heard. */
      ranges,
      /** Rows heard more recently than this come due too late to matter. */
      lagMs: parameter.number,
      asksEmpty: parameter.boolean,
    },
    columns: {
      ...readingColumns(tables),
      leaseId: nullable(column.text('s.sweep_id')),
      isRecorded: column.boolean(
        `s.sweep_id IS NULL OR EXISTS (SELECT FROM ${sweeps} w WHERE w.sweep_id = s.sweep_id)`,
      ),
      isBetweenTicks: column.boolean('s.tick_sweep_id IS NOT NULL'),
      isHeldByStorm: column.boolean('s.storm_held_since IS NOT NULL'),
      /** When the latest hold of an operator ends, or has ended; null: there was none. */
      holdEndsUs: nullable(
        column.micros(`(SELECT coalesce(h.ended_at, h.held_until) FROM ${holds} h ORDER BY h.hold_id DESC LIMIT 1)`),
      ),
      judgedAtUs: nullable(column.micros('judged.started_at')),
      /** Whether that sweep held the rules that infer silence. */
      wasHeld: column.boolean('coalesce(judged.held, false)'),
      judgedForMs: nullable(column.wholeNumber('judged.duration_ms')),
      deadlineUs: nullable(column.micros('found.deadline')),
      specialUs: nullable(column.micros('found.special')),
      /** Where that is asked, whether no delegation is open: one that a sweep left is not looked for by `deadline`. In the order of the index, which else is not always used. */
      isEmpty: column.boolean(`CASE WHEN $asksEmpty AND found.deadline IS NULL THEN (
      SELECT d.delegation_id FROM ${delegations} d WHERE d.finished_at IS NULL AND d.deadline >= '-infinity'
      ORDER BY d.deadline, d.delegation_id LIMIT 1) IS NULL ELSE false END`),
      /** Whether rows in progress were read, and the longest silence among those that were asked for. */
      hasRead: column.boolean('found.has_read'),
      heardUs: nullable(column.micros('found.heard')),
      /** Time that the server took. */
      tookUs: column.wholeNumber('extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000'),
    },
    sql: (columns) => `
WITH judged AS MATERIALIZED (
  SELECT w.started_at, w.duration_ms, w.held FROM ${sweeps} w WHERE w.started_at <= statement_timestamp()
  ORDER BY w.started_at DESC LIMIT 1),
-- As columns: what is computed here is not computed again for each row.
ranges AS MATERIALIZED (
  SELECT ${timestampOf(`(range.value ->> 'fromUs')`)} AS from_at,
    coalesce(${timestampOf(`(range.value ->> 'untilUs')`)}, 'infinity') AS until_at,
    statement_timestamp() - $lagMs * interval '1 millisecond' AS lag_at
  FROM jsonb_array_elements($ranges) range),
-- While an operator holds, none of them comes due.
read AS MATERIALIZED (
  SELECT $heard AND judged.started_at = $judgedAt
    AND NOT ${isHeldByOperator(tables)} AS has_read FROM judged),
found AS MATERIALIZED (
  SELECT (
    SELECT min(due.at) FROM (
      SELECT d.deadline + ${jumpedSinceCreated} AS at FROM ${delegations} d
      WHERE d.finished_at IS NULL AND d.deadline >= $deadlinesFrom ORDER BY d.deadline, d.delegation_id
      LIMIT CASE WHEN jsonb_array_length($staleness -> 'jumps') = 0 THEN 1 ELSE ${JUMPED_DEADLINES_MAX} END) due
    WHERE due.at >= $judgedAt) AS deadline,
  (
    SELECT min(due.at) FROM (
      SELECT d.* FROM ${delegations} d
      WHERE ${isInProgress} AND d.suspect_at < statement_timestamp() + ${SPECIAL_AHEAD}
      ORDER BY d.suspect_at, d.delegation_id LIMIT ${SPECIAL_MAX}) d,
      LATERAL (VALUES (${silentAt(now)}), (${stalledAt(now)})) due (at)
    WHERE due.at >= $judgedAt) AS special,
  coalesce((SELECT has_read FROM read), false) AS has_read,
  CASE WHEN (SELECT has_read FROM read) THEN (
    SELECT min(row.heard) FROM ranges, LATERAL (
      SELECT d.last_heartbeat AS heard FROM ${delegations} d
      WHERE ${isInProgress} AND d.suspect_at IS NULL AND d.heartbeat_bucket > from_at - ${BUCKET}
        AND d.heartbeat_bucket <= lag_at AND d.last_heartbeat >= from_at AND d.last_heartbeat < until_at
      ORDER BY d.heartbeat_bucket, d.delegation_id LIMIT ${ROWS_MAX}) row) END AS heard)
SELECT ${columns}
-- LIMIT: tables that were never analyzed seem large, and the costs are multiplied until the statement is compiled, at each look.
FROM (SELECT * FROM ${sweeperState} WHERE singleton LIMIT 1) s
  LEFT JOIN (SELECT * FROM ${sweeperThreshold} WHERE singleton LIMIT 1) t ON true LEFT JOIN judged ON true, found`,
  });
}
