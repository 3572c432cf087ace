import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { activityColumns, rowColumns, rowOf } from './watched-ids.ts';

/** Activities of one look, at most. A literal: for a parameter, a generic plan expects a tenth of the table. */
export const STREAM_PAGE = 1_000;
/** Activities among which the place of a database that went back in time is looked for at once. */
const BACK_PAGE = 100_000;

const activity = 'a.activity_id, a.delegation_id, a.event, a.from_status, a.to_status, a.actor, a.detail, a.created_at';

/**
 * One look at the stream, in one snapshot: what has come into the gaps, and what lies above the position, a page at most;
 * without a position, the last page or less. A row for each activity of this caller's delegations; the first row, or the only
 * one, says what was read.
 *
 * Which transaction id is to be given next no function says, but the age of one does: counted from that. Nothing is drawn for it, as a
 * standby could not.
 *
 * An activity does not name its caller, so each of a wanted event is joined with its delegation by its key: a look costs what
 * happened in the ledger since the last one, and next to nothing when that is nothing.
 */
export function watchedStreamStatement(tables: LedgerTables) {
  const { activityLogs } = tables;
  return statement({
    parameters: {
      callerId: parameter.text,
      events: parameter.texts,
      position: nullable(parameter.wholeNumber),
      firsts: parameter.numbers,
      lasts: parameter.numbers,
    },
    columns: {
      islands: nullable(
        column.json<readonly (readonly [first: number, last: number])[]>(
          'CASE WHEN a.nr > 1 THEN NULL ELSE look.islands END',
        ),
      ),
      isFull: column.boolean('look.is_full'),
      lastAt: nullable(column.micros('look.last_at')),
      xmin: column.wholeNumber('look.xmin'),
      nextXid: column.wholeNumber('look.next_xid'),
      positionAt: nullable(column.micros('look.position_at')),
      delegationId: nullable(column.text('a.delegation_id')),
      ...activityColumns,
      ...rowColumns('a'),
    },
    sql: (columns) => `
WITH read AS MATERIALIZED (
  (SELECT ${activity}
    FROM ROWS FROM (unnest($firsts), unnest($lasts)) g (first, last)
    CROSS JOIN LATERAL (SELECT a.* FROM ${activityLogs} a
      WHERE a.activity_id BETWEEN g.first::bigint AND g.last::bigint ORDER BY a.activity_id LIMIT ${STREAM_PAGE}) a
    ORDER BY a.activity_id LIMIT ${STREAM_PAGE})
  UNION ALL
  (SELECT ${activity} FROM ${activityLogs} a
    WHERE a.activity_id > coalesce($position,
      (SELECT l.activity_id - ${STREAM_PAGE} FROM ${activityLogs} l ORDER BY l.activity_id DESC LIMIT 1), 0)
    ORDER BY a.activity_id LIMIT ${STREAM_PAGE})
  ORDER BY activity_id LIMIT ${STREAM_PAGE}),
look AS (
  SELECT (SELECT coalesce(json_agg(json_build_array(i.first, i.last) ORDER BY i.first), '[]')
      FROM (SELECT min(r.activity_id) AS first, max(r.activity_id) AS last
        FROM (SELECT activity_id, activity_id - row_number() OVER (ORDER BY activity_id) AS island FROM read) r
        GROUP BY r.island) i) AS islands,
    (SELECT count(*) >= ${STREAM_PAGE} FROM read) AS is_full,
    (SELECT r.created_at FROM read r ORDER BY r.activity_id DESC LIMIT 1) AS last_at,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint + age(pg_snapshot_xmax(pg_current_snapshot())::xid) AS next_xid,
    (SELECT l.created_at FROM ${activityLogs} l WHERE l.activity_id = $position) AS position_at),
own AS (
  SELECT ${activity}, row_number() OVER (ORDER BY a.activity_id) AS nr,
    d.status, d.caller_id, d.callee_id, d.error_detail, d.result_preview, d.attempt, d.retry_of, d.retried_as, d.finished_at
  FROM (SELECT * FROM read WHERE event = ANY ($events) OFFSET 0) a
  CROSS JOIN LATERAL (${rowOf(tables, 'a.delegation_id')}) d
  WHERE d.caller_id = $callerId)
SELECT ${columns} FROM look LEFT JOIN own a ON true ORDER BY a.nr`,
  });
}

/**
 * The last activity that was written before this instant, for a stream that is no longer the one that was read: the database
 * went back in time, and draws ids again that it had drawn. It looks at one page below an id: where all of that is newer, the
 * row is the lowest of the page, and the next page lies below it. No row where the stream ends before that.
 */
export function streamPlaceStatement({ activityLogs }: LedgerTables, page = BACK_PAGE) {
  return statement({
    parameters: { before: parameter.micros, below: parameter.wholeNumber },
    columns: {
      position: column.wholeNumber('a.activity_id'),
      positionAt: column.micros('a.created_at'),
      isBefore: column.boolean('a.created_at < $before'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (SELECT l.activity_id, l.created_at, row_number() OVER (ORDER BY l.activity_id DESC) AS nr
  FROM ${activityLogs} l WHERE l.activity_id < $below ORDER BY l.activity_id DESC LIMIT ${page}) a
WHERE a.created_at < $before OR a.nr = ${page} ORDER BY a.activity_id DESC LIMIT 1`,
  });
}
