import { isOneOf, Statement } from '../../db/statement.ts';
import { sourcesOf } from '../../ledger/transitions.ts';
import type { SweeperTables } from '../tables.ts';

/** Rows that one run takes back at most: a batch, as everything that a sweep writes. */
const ROWS_MAX = 1000;

/**
 * Takes back to the clock what no horizon would ever reach: delegations in progress without a heartbeat, or with one from
 * the future. The database's trigger lets none in, but logical replication and whoever disables triggers go past it.
 * Two probes of the bucket index when there is none. A stamp less than a bucket ahead is left: the clock is there within
 * five minutes. Returns the ids, at most 2000; no parameters.
 */
export function takeBackLostStamps({ delegations }: SweeperTables): Statement<{ delegationId: string }> {
  const pick = (where: string, order: string) => `
  SELECT d.delegation_id FROM ${delegations} d WHERE ${isOneOf('d.status', sourcesOf('stuck'))} AND ${where}
  ORDER BY d.heartbeat_bucket ${order}, d.delegation_id ${order} LIMIT ${ROWS_MAX} FOR NO KEY UPDATE SKIP LOCKED`;
  return new Statement(`
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
unheard AS MATERIALIZED (${pick('d.heartbeat_bucket IS NULL', 'ASC')}),
early AS MATERIALIZED (${pick('d.heartbeat_bucket > (SELECT now FROM clock)', 'DESC')})
UPDATE ${delegations} d SET last_heartbeat = clock_timestamp()
WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM unheard UNION ALL SELECT delegation_id FROM early))
RETURNING d.delegation_id AS "delegationId"`);
}
