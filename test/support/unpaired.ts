import type { Queryable } from './wait-for.ts';

/**
 * Marks without their retry, and retries by the sweep without their mark, or not in the mark's transaction: [] when the
 * sweeps with so many retries kept the two together.
 */
export function unpaired(database: Queryable, retriesMax: number): Promise<unknown[]> {
  return database.query(
    `WITH marks AS (
       SELECT a.delegation_id, a.xmin, a.detail, d.attempt FROM activity_logs a JOIN delegations d USING (delegation_id)
       WHERE a.actor = 'sweeper' AND a.to_status = 'stuck'),
     retries AS (
       SELECT d.delegation_id, d.retry_of, d.attempt, a.xmin FROM delegations d JOIN activity_logs a USING (delegation_id)
       WHERE a.actor = 'sweeper' AND a.to_status = 'queued')
     SELECT m.delegation_id AS marked, r.delegation_id AS retry, m.attempt
     FROM marks m FULL JOIN retries r ON r.retry_of = m.delegation_id
     WHERE CASE
       WHEN m.delegation_id IS NULL THEN true
       WHEN r.delegation_id IS NULL THEN m.attempt <= $1::int AND NOT EXISTS (
         SELECT FROM activity_logs l WHERE l.delegation_id = m.delegation_id AND l.event = 'delegation.late_result')
       ELSE m.xmin <> r.xmin OR r.attempt <> m.attempt + 1 OR m.detail ->> 'retriedAs' <> r.delegation_id END`,
    [retriesMax],
  );
}
