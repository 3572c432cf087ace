import { isOneOf } from '../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../db/statement.ts';
import { activityEvents } from '../activity.ts';
import type { LedgerTables } from '../tables.ts';
import { statuses } from '../transitions.ts';

/** Activities of one delegation in one look, at most. */
export const CHANGES_OF_ONE_MAX = 100;

/** Of the activity `a`. */
export const activityColumns = {
  activityId: nullable(column.wholeNumber('a.activity_id')),
  event: nullable(column.oneOf(activityEvents, 'a.event')),
  fromStatus: nullable(column.oneOf(statuses, 'a.from_status')),
  toStatus: nullable(column.oneOf(statuses, 'a.to_status')),
  actor: nullable(column.text('a.actor')),
  detail: nullable(column.json<Readonly<Record<string, unknown>>>('a.detail')),
  at: nullable(column.micros('a.created_at')),
} as const;

/** Of a row with the columns of `rowOf`. */
export const rowColumns = (alias: string) => ({
  status: nullable(column.oneOf(statuses, `${alias}.status`)),
  callerId: nullable(column.text(`${alias}.caller_id`)),
  calleeId: nullable(column.text(`${alias}.callee_id`)),
  errorDetail: nullable(column.text(`${alias}.error_detail`)),
  resultPreview: nullable(column.text(`${alias}.result_preview`)),
  attempt: nullable(column.wholeNumber(`${alias}.attempt`)),
  retryOf: nullable(column.text(`${alias}.retry_of`)),
  retriedAs: nullable(column.text(`${alias}.retried_as`)),
  finishedAt: nullable(column.micros(`${alias}.finished_at`)),
});

/** SQL: what `rowColumns` reads of the delegation with this id. */
export function rowOf({ delegations }: LedgerTables, id: string): string {
  // OFFSET keeps this from becoming a join, for which outdated statistics could have the whole table read.
  return `SELECT d.status, d.caller_id, d.callee_id, d.error_detail, d.result_preview, d.attempt, d.retry_of, d.finished_at,
      (SELECT r.delegation_id FROM ${delegations} r WHERE r.retry_of = d.delegation_id) AS retried_as
    FROM ${delegations} d WHERE d.delegation_id = ${id} OFFSET 0`;
}

/** SQL: the activity `l` changes how its delegation stands. */
const changesStanding = `(l.to_status IS NOT NULL OR ${isOneOf('l.event', ['delegation.waiting', 'delegation.resumed'])})`;

/**
 * SQL: the activity is one of the delegation `w`. As a range and not as an equality: the order by delegation and id is then
 * that of one index alone. With outdated statistics the planner would read the whole table in the order of its ids, for each.
 */
const isOf = (alias: string) => `${alias}.delegation_id >= w.id AND ${alias}.delegation_id <= w.id`;
const newestFirst = 'ORDER BY l.delegation_id DESC, l.activity_id DESC LIMIT 1';

/**
 * What came after a place in the activity of each delegation; for a place below 0, from the last activity on that changed how
 * it stands. Of one delegation the ids are in the order of the commits, since they are drawn under its row's lock. It costs
 * an index probe per delegation.
 *
 * With `withRows`, a row for each id at least, with the delegation's own row, which may say more than its activity: that is pruned
 * earlier, and a database that went back in time draws ids below the place again. `newestId` shows that.
 */
export function watchedIdsStatement(tables: LedgerTables) {
  const { activityLogs } = tables;
  return statement({
    parameters: { ids: parameter.texts, places: parameter.numbers, withRows: parameter.boolean },
    columns: {
      delegationId: column.text('w.id'),
      ...activityColumns,
      ...rowColumns('d'),
      newestId: nullable(column.wholeNumber('n.activity_id')),
    },
    sql: (columns) => `
SELECT ${columns}
FROM ROWS FROM (unnest($ids), unnest($places)) w (id, place)
LEFT JOIN LATERAL (
  SELECT a.* FROM ${activityLogs} a
  WHERE (a.delegation_id, a.activity_id) > (w.id, CASE WHEN w.place >= 0 THEN w.place::bigint ELSE coalesce((
      SELECT l.activity_id - 1 FROM ${activityLogs} l WHERE ${isOf('l')} AND ${changesStanding} ${newestFirst}), 0) END)
    AND a.delegation_id <= w.id
  ORDER BY a.delegation_id, a.activity_id LIMIT ${CHANGES_OF_ONE_MAX}) a ON true
LEFT JOIN LATERAL (
  SELECT * FROM (${rowOf(tables, 'w.id')}) d WHERE a.activity_id IS NOT NULL OR $withRows OFFSET 0) d ON true
LEFT JOIN LATERAL (
  SELECT l.activity_id FROM ${activityLogs} l WHERE $withRows AND ${isOf('l')} ${newestFirst}) n ON true
WHERE a.activity_id IS NOT NULL OR $withRows`,
  });
}
