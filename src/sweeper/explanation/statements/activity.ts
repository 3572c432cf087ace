import type { RowOf } from '../../../db/column.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { activityEvents } from '../../../ledger/activity.ts';
import { statuses } from '../../../ledger/transitions.ts';
import type { SweeperTables } from '../../tables.ts';

/** A larger detail, as stored, is not read. */
const DETAIL_BYTES_MAX = 16_384;

/** What of a detail agents wrote at length. */
const previews = `'{resultPreview,errorDetail}'::text[]`;
/** What a delegation began with, which its row says. */
const beginning = `'delegation'::text`;

export const entryColumns = {
  activityId: column.wholeNumber('a.activity_id'),
  at: column.instant('a.created_at'),
  event: column.oneOf(activityEvents, 'a.event'),
  fromStatus: nullable(column.oneOf(statuses, 'a.from_status')),
  toStatus: nullable(column.oneOf(statuses, 'a.to_status')),
  actor: column.text('a.actor'),
  detail: nullable(
    column.json<Readonly<Record<string, unknown>>>(
      `CASE WHEN pg_column_size(a.detail) <= ${DETAIL_BYTES_MAX} THEN
      CASE WHEN $previews THEN a.detail ELSE a.detail - ${previews} END - ${beginning} END`,
    ),
  ),
  hasRequestBody: column.boolean('a.request_body IS NOT NULL'),
  hasResponseBody: column.boolean('a.response_body IS NOT NULL'),
};

export type ActivityEntry = RowOf<typeof entryColumns>;

export const entryParameters = { delegationId: parameter.text, previews: parameter.boolean };

/** The first activities of a delegation in this order, along the index of its activity. */
export function activityStatement({ activityLogs }: SweeperTables, order: 'ASC' | 'DESC') {
  return statement({
    parameters: { ...entryParameters, entriesMax: parameter.wholeNumber },
    columns: entryColumns,
    sql: (columns) => `
SELECT ${columns} FROM ${activityLogs} a WHERE a.delegation_id = $delegationId
ORDER BY a.activity_id ${order} LIMIT $entriesMax`,
  });
}

/** How many activities it has, counted no further than $countMax. */
export function activityCountStatement({ activityLogs }: SweeperTables) {
  return statement({
    parameters: { delegationId: parameter.text, countMax: parameter.wholeNumber },
    columns: { count: column.wholeNumber('count(*)') },
    sql: (columns) => `
SELECT ${columns} FROM (
  SELECT FROM ${activityLogs} a WHERE a.delegation_id = $delegationId LIMIT $countMax) counted`,
  });
}
