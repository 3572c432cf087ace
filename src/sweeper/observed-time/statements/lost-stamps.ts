import { column, parameter, statement } from '../../../db/statement.ts';
import { isInProgress } from '../../in-progress.ts';
import type { SweeperTables } from '../../tables.ts';

/** Rows of each kind that one run sets at most: a batch, like everything that a sweep writes. */
const ROWS_MAX = 1000;

/** No wait and no threshold is longer than 30 days: from a sound heartbeat the rules reach a row within twice that. */
const REACHED_WITHIN = '61 days';

/**
 * Stamps now on delegations in progress that have no heartbeat, or one from the future. Returns the ids, at most 4,000.
 * Costs four probes of the indexes that a sweep uses when there is none. A plain row's stamp less than a bucket ahead is left
 * alone: the clock reaches it within five minutes. So is that of another row, as long as a rule will reach the row. Nor is a
 * stamp from the future taken back while the clock is behind `notBefore`: it was set back, which the next beat records first,
 * or the stamps would be old ones if it is set right again.
 */
export function lostStampsStatement({ delegations }: SweeperTables) {
  const pick = (where: string, order: string) => `
  SELECT d.delegation_id FROM ${delegations} d WHERE ${isInProgress} AND ${where}
  ORDER BY ${order} LIMIT ${ROWS_MAX} FOR NO KEY UPDATE SKIP LOCKED`;
  const plain = (where: string, way: string) =>
    pick(`d.suspect_at IS NULL AND ${where}`, `d.heartbeat_bucket ${way}, d.delegation_id ${way}`);
  const special = (where: string, way: string) =>
    pick(`d.suspect_at IS NOT NULL AND ${where}`, `d.suspect_at ${way}, d.delegation_id ${way}`);
  return statement({
    parameters: { notBefore: parameter.micros },
    columns: { delegationId: column.text('d.delegation_id') },
    // Naming progress_at has the guard derive suspect_at from the new heartbeat.
    sql: (columns) => `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
steady AS MATERIALIZED (SELECT now FROM clock WHERE now >= $notBefore),
missing AS MATERIALIZED (${plain('d.heartbeat_bucket IS NULL', 'ASC')}),
early AS MATERIALIZED (${plain('d.heartbeat_bucket > (SELECT now FROM steady)', 'DESC')}),
special_missing AS MATERIALIZED (${special('d.suspect_at <= (SELECT now FROM clock) AND d.last_heartbeat IS NULL', 'ASC')}),
special_early AS MATERIALIZED (${special(`d.suspect_at > (SELECT now FROM steady) + interval '${REACHED_WITHIN}'`, 'DESC')}),
plainly AS (
  UPDATE ${delegations} d SET last_heartbeat = clock_timestamp()
  WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM missing UNION ALL SELECT delegation_id FROM early))
  RETURNING d.delegation_id),
specially AS (
  UPDATE ${delegations} d SET last_heartbeat = clock_timestamp(), progress_at = d.progress_at
  WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM special_missing UNION ALL SELECT delegation_id FROM special_early))
  RETURNING d.delegation_id)
SELECT ${columns} FROM (SELECT delegation_id FROM plainly UNION ALL SELECT delegation_id FROM specially) d`,
  });
}
