import { isOneOf } from '../../../db/literal.ts';
import { column, nullable, statement } from '../../../db/statement.ts';
import { sourcesOf } from '../../../ledger/transitions.ts';
import { microsOf } from '../../instant.ts';
import type { SweeperTables } from '../../tables.ts';

/** Rows of the oldest bucket that are examined for the longest silence; beyond that it is exact to the bucket's five minutes. */
const BUCKET_ROWS_MAX = 1000;

/** The first entries of the two indexes that a sweep uses, too. */
export function oldestStatement({ delegations }: SweeperTables) {
  // Never negative, also where a row's instant is later than this statement's clock. In whole numbers, since an interval
  // since infinity, which an older ledger may hold, would raise.
  const sinceMs = (instant: string) => `greatest(0, (${microsOf('clock_timestamp()')} - ${microsOf(instant)}) / 1000)`;
  return statement({
    columns: {
      silenceMs: nullable(
        column.wholeNumber(`(
    SELECT max(${sinceMs('o.last_heartbeat')})
    FROM (SELECT d.last_heartbeat FROM ${delegations} d WHERE ${isOneOf('d.status', sourcesOf('stuck'))}
          ORDER BY d.heartbeat_bucket, d.delegation_id LIMIT ${BUCKET_ROWS_MAX}) o)`),
      ),
      overdueMs: column.wholeNumber(`coalesce((
    SELECT ${sinceMs('d.deadline')} FROM ${delegations} d WHERE d.finished_at IS NULL
    ORDER BY d.deadline, d.delegation_id LIMIT 1), 0)`),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}
