import type { RowOf } from '../../db/column.ts';
import { dateOf } from '../../db/instant.ts';
import type { activityColumns, rowColumns } from '../statements/watched-ids.ts';
import type { RecordedChange } from './change.ts';

type Row = RowOf<typeof activityColumns> &
  RowOf<ReturnType<typeof rowColumns>> & { readonly delegationId: string | null };

/** Of a row that has an activity. */
export function changeOf(row: Row): RecordedChange {
  const { delegationId, event, activityId, fromStatus, toStatus, actor, detail, at } = row;
  const { status, callerId, calleeId, errorDetail, resultPreview, attempt, retryOf, retriedAs } = row;
  return {
    delegationId: delegationId!,
    event: event!,
    activityId,
    fromStatus,
    toStatus,
    actor,
    detail: detail ?? {},
    at: dateOf(at!),
    status,
    callerId,
    calleeId,
    errorDetail,
    resultPreview,
    attempt,
    retryOf,
    retriedAs,
  };
}
