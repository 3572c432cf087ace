import { listingHash } from '../../db/finishing/listing-hash.ts';
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
  const scanOf = (each: Status) => `(SELECT d.* FROM ${delegations} d
    WHERE ${[...filtersOf(shape, each), `(d.created_at, d.delegation_id) < ${bound}`].join(' AND ')}
    ${newestFirst} LIMIT ${LIST_LIMIT_MAX + 1})`;
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

/**
 * The collation and the hashes say which index serves the list (src/db/finishing/indexes.ts). Where hashes
 * are equal the ids themselves decide, in a form that serves no index, and of which the planner expects half to be true: from
 * two equations it would expect none, and prefer to read everything.
 */
function filtersOf({ byCaller, byCallee }: ListShape, status: Status): string[] {
  const ids = [
    ...(byCaller ? [{ id: 'd.caller_id', value: '$callerId' }] : []),
    ...(byCallee ? [{ id: 'd.callee_id', value: '$calleeId' }] : []),
  ];
  if (ids.length === 0) return [`d.status COLLATE "C" = ${literal(status)}`];
  const hash = listingHash(
    ids.map(({ id }) => id),
    'd.status',
  );
  const sought = listingHash(
    ids.map(({ value }) => value),
    literal(status),
  );
  return [
    `${hash} = ${sought}`,
    `coalesce(${[...ids.map(({ id, value }) => `${id} = ${value}`), `d.status = ${literal(status)}`].join(' AND ')}, false)`,
  ];
}
