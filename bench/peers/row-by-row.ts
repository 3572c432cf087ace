import type { LedgerDatabase } from '../ledger-database.ts';

/**
 * What a first implementation does: select the stale ids, then read, update and record each in its own
 * transaction. No lock between reading and writing: it overwrites heartbeats (see docs/performance.md).
 */
export async function runRowByRow(database: LedgerDatabase, rowsMax: number): Promise<void> {
  const client = await database.pool.connect();
  try {
    const { rows } = await client.query<{ delegation_id: string }>(
      `SELECT delegation_id FROM delegations
       WHERE status = 'in_progress' AND last_heartbeat < now() - interval '10 minutes' LIMIT $1`,
      [rowsMax],
    );
    for (const { delegation_id: id } of rows) {
      await client.query('BEGIN');
      const found = await client.query('SELECT status, last_heartbeat FROM delegations WHERE delegation_id = $1', [id]);
      if (found.rows[0]?.status === 'in_progress') {
        await client.query(
          `UPDATE delegations SET status = 'stuck', finished_at = clock_timestamp(), updated_at = clock_timestamp(),
             error_detail = 'no heartbeat' WHERE delegation_id = $1`,
          [id],
        );
        await client.query(
          `INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
           VALUES ($1, 'delegation.stuck', 'in_progress', 'stuck', 'sweeper')`,
          [id],
        );
      }
      await client.query('COMMIT');
    }
  } finally {
    client.release();
  }
}
