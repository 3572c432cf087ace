import { randomUUID } from 'node:crypto';
import type { Queryable } from './wait-for.ts';

export interface FleetShape {
  readonly rows: number;
  /** Agents that share the rows. */
  readonly callees?: number;
  /** Of the first row; each further one was heard a millisecond later. */
  readonly silentSeconds?: number;
  readonly deadlineSeconds?: number;
}

/** Delegations in progress, with their history. Returns the prefix of their ids. */
export async function seedFleet(database: Queryable, shape: FleetShape): Promise<string> {
  const { rows, callees = 2, silentSeconds = 0, deadlineSeconds = 36_000 } = shape;
  const prefix = `fleet-${randomUUID()}-`;
  await database.query(
    `WITH inserted AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, deadline, revision)
       SELECT $1 || lpad(i::text, 8, '0'), 'caller', 'callee-' || i % $3::int, 'task', 'in_progress',
         least(clock_timestamp(), clock_timestamp() - $4::float8 * interval '1 second' + i * interval '1 millisecond'),
         clock_timestamp() + $5::float8 * interval '1 second', 1
       FROM generate_series(0, $2::int - 1) i
       RETURNING delegation_id, status)
     INSERT INTO activity_logs (delegation_id, event, to_status, actor)
     SELECT delegation_id, 'delegation.' || status, status, 'test' FROM inserted`,
    [prefix, rows, callees, silentSeconds, deadlineSeconds],
  );
  return prefix;
}

/** How many delegations have each status. */
export async function countByStatus(database: Queryable, prefix = ''): Promise<Record<string, number>> {
  const rows = await database.query<{ status: string; n: number }>(
    `SELECT status, count(*)::int AS n FROM delegations WHERE starts_with(delegation_id, $1) GROUP BY status`,
    [prefix],
  );
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
}

/** Delegations with more than one terminal activity, or with a terminal status and none: [] when nothing was lost or done twice. */
export function notEndedOnce(database: Queryable): Promise<unknown[]> {
  return database.query(`
    SELECT d.delegation_id, d.status, count(a.activity_id)::int AS ends
    FROM delegations d LEFT JOIN activity_logs a
      ON a.delegation_id = d.delegation_id AND a.to_status IN ('completed', 'failed', 'stuck')
    GROUP BY d.delegation_id
    HAVING count(a.activity_id) <> CASE WHEN d.status IN ('completed', 'failed', 'stuck') THEN 1 ELSE 0 END`);
}
