import { literal } from '../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../db/statement.ts';
import { LIST_LIMIT_MAX } from '../limits.ts';
import type { LedgerTables } from '../tables.ts';
import { type Status, statuses } from '../transitions.ts';
import { delegationColumns } from './read.ts';

/** Which filters a listing has. */
export interface ListShape {
  readonly status: Status | null;
  readonly byCaller: boolean;
  readonly byCallee: boolean;
}

/** The place where the page begins, exclusive: after the cursor, and older than asked for. One condition, which bounds the scan. */
const olderThan = `coalesce(statement_timestamp() - $olderThanMs * interval '1 millisecond', 'infinity'::timestamptz)`;
const bound = `(LEAST($afterCreatedAt, ${olderThan}), CASE WHEN $afterCreatedAt <= ${olderThan} THEN $afterDelegationId ELSE '' END)`;
const newestFirst = 'ORDER BY d.created_at DESC, d.delegation_id DESC';

/**
 * One page, newest first. Each status is a scan of its own, in the order of the index that begins with what is asked for; the
 * scans are merged, and end with the page. So a page costs its own rows, whichever rows are rare. The limit of a scan is
 * a literal: for a parameter, a generic plan expects a tenth of the table.
 */
export function listStatement({ delegations }: LedgerTables, shape: ListShape) {
  const filters = [...idFilters(shape), `(d.created_at, d.delegation_id) < ${bound}`].join(' AND ');
  const scanOf = (each: Status) => `(SELECT d.* FROM ${delegations} d
    WHERE ${statusOf(shape)} = ${literal(each)} AND ${filters} ${newestFirst} LIMIT ${LIST_LIMIT_MAX + 1})`;
  const scans = (shape.status === null ? statuses : [shape.status]).map(scanOf).join(' UNION ALL ');
  return statement({
    parameters: {
      callerId: nullable(parameter.text),
      calleeId: nullable(parameter.text),
      olderThanMs: nullable(parameter.number),
      afterCreatedAt: nullable(parameter.micros),
      afterDelegationId: nullable(parameter.text),
      rowsMax: parameter.wholeNumber,
    },
    columns: { ...delegationColumns, createdAtMicros: column.micros('d.created_at') },
    sql: (columns) => `SELECT ${columns} FROM (${scans}) d ${newestFirst} LIMIT $rowsMax`,
  });
}

/** The collations say which index serves the list (src/db/finishing/indexes.ts). */
function idFilters({ byCaller, byCallee }: ListShape): string[] {
  const collation = byCaller && byCallee ? 'COLLATE "POSIX"' : 'COLLATE "C"';
  return [
    ...(byCaller ? [`d.caller_id ${collation} = $callerId`] : []),
    ...(byCallee ? [`d.callee_id ${collation} = $calleeId`] : []),
  ];
}

function statusOf({ byCaller, byCallee }: ListShape): string {
  return byCaller || byCallee ? 'd.status COLLATE "POSIX"' : 'd.status COLLATE "C"';
}
