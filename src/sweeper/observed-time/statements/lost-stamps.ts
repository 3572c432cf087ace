import { isOneOf } from '../../../db/literal.ts';
import { column, statement } from '../../../db/statement.ts';
import { sourcesOf } from '../../../ledger/transitions.ts';
import type { SweeperTables } from '../../tables.ts';

/** Rows that one run sets at most: a batch, like everything that a sweep writes. */
const ROWS_MAX = 1000;

/**
 * Stamps now on delegations in progress that have no heartbeat, or one from the future. Returns the ids, at most 2,000.
 * Costs two probes of the bucket index when there is none. A stamp less than a bucket ahead is left alone: the clock
 * reaches it within five minutes.
 */
export function lostStampsStatement({ delegations }: SweeperTables) {
  const pick = (where: string, order: string) => `
  SELECT d.delegation_id FROM ${delegations} d WHERE ${isOneOf('d.status', sourcesOf('stuck'))} AND ${where}
  ORDER BY d.heartbeat_bucket ${order}, d.delegation_id ${order} LIMIT ${ROWS_MAX} FOR NO KEY UPDATE SKIP LOCKED`;
  return statement({
    columns: { delegationId: column.text('d.delegation_id') },
    sql: (columns) => `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
missing AS MATERIALIZED (${pick('d.heartbeat_bucket IS NULL', 'ASC')}),
early AS MATERIALIZED (${pick('d.heartbeat_bucket > (SELECT now FROM clock)', 'DESC')})
UPDATE ${delegations} d SET last_heartbeat = clock_timestamp()
WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM missing UNION ALL SELECT delegation_id FROM early))
RETURNING ${columns}`,
  });
}
