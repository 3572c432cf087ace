import type { Queryable } from './wait-for.ts';

/** What `seedHistory` makes, by the names that a test asks for. */
export const history = {
  /** Has more than half of all rows. */
  hugeCaller: 'caller-huge',
  /** Has a few hundredths of them. */
  bigCallee: 'callee-0',
  /** Has a dozen rows, spread over all the time. */
  rareCaller: 'caller-rare',
  rareCallee: 'callee-rare',
  days: 90,
} as const;

/**
 * A ledger that has been in use for three months: most delegations completed, few failed, one in five thousand stuck, the
 * newest still open, one caller with more than half of all. Fifty at a time share the instant at which they were created.
 * Past the triggers, which would change nothing in them and take most of the time.
 */
export async function seedHistory(database: Queryable, rows: number): Promise<void> {
  await database.query(
    `BEGIN; SET LOCAL session_replication_role = replica;
     INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, created_at, updated_at,
       last_heartbeat, finished_at, deadline, revision)
     SELECT 'row-' || lpad(i::text, 9, '0'), caller, callee, repeat('task ', 20), status, at, at,
       at, CASE WHEN status IN ('completed', 'failed', 'stuck') THEN at + interval '1 minute' END, at + interval '1 hour', 1
     FROM generate_series(1, ${rows}) i,
       LATERAL (SELECT abs(hashint4(i)) AS h, statement_timestamp()
         - (1 - i / 50 * 50 / ${rows}::float8) * interval '${history.days} days' - interval '1 second' AS at) r,
       LATERAL (SELECT
         CASE WHEN i % (${rows} / 12) = 7 THEN '${history.rareCaller}' WHEN h % 100 < 55 THEN '${history.hugeCaller}'
           ELSE 'caller-' || h / 100 % 1000 END AS caller,
         CASE WHEN i % (${rows} / 12) IN (7, 9) THEN '${history.rareCallee}' ELSE 'callee-' || h / 7 % 40 END AS callee,
         CASE WHEN i > ${rows} * 0.998 THEN (ARRAY['queued', 'dispatched', 'in_progress', 'in_progress'])[1 + h % 4]
           WHEN h % 5000 = 0 THEN 'stuck' WHEN h % 100 = 1 THEN 'failed' ELSE 'completed' END AS status) s;
     COMMIT`,
  );
}
