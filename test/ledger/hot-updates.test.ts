import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ server: 'own' });

const ROWS = 60;
const ROUNDS = 40;

/** Text that does not compress. */
const preview = () => Array.from({ length: 84 }, () => randomUUID()).join('');

/** The share of heartbeats that touched no index, on one connection, whose counts can be read at once. */
async function hotShare(taskPreview: () => string, before?: string): Promise<number> {
  return database.db.connection().execute(async (db) => {
    const { ledger } = testLedger(db, { heartbeatMinIntervalMs: 0.001 });
    const ids = Array.from({ length: ROWS }, () => randomUUID());
    for (const delegationId of ids) {
      await ledger.insert({ delegationId, callerId: 'caller', calleeId: 'callee', taskPreview: taskPreview() });
      await ledger.setStatus(delegationId, 'in_progress');
    }
    if (before) await database.query(before);
    // Counts are flushed at the end of a statement: it takes two statements to read this session's.
    const read = async () => {
      await sql`SELECT pg_stat_force_next_flush()`.execute(db);
      const { rows } = await sql<{ updates: number; hot: number }>`
        SELECT n_tup_upd::float8 AS updates, n_tup_hot_upd::float8 AS hot
        FROM pg_stat_user_tables WHERE relname = 'delegations'`.execute(db);
      return rows[0]!;
    };
    const start = await read();
    for (let round = 0; round < ROUNDS; round += 1) {
      const results = await ledger.heartbeatMany(ids);
      expect(results.every(({ outcome }) => outcome === 'stamped')).toBe(true);
    }
    const end = await read();
    expect(end.updates - start.updates).toBe(ROWS * ROUNDS);
    return (end.hot - start.hot) / (end.updates - start.updates);
  });
}

describe('heartbeats inside a bucket', () => {
  // One round of forty may cross the border of two buckets.
  test('touch no index', async () => {
    expect(await hotShare(() => 'task')).toBeGreaterThanOrEqual(0.95);
  });

  test('touch no index when each row has a preview of 3 KB', async () => {
    expect(Buffer.byteLength(preview())).toBeGreaterThan(3000);
    expect(await hotShare(preview)).toBeGreaterThanOrEqual(0.95);
  });

  test('would all touch one with an index on last_heartbeat itself', async () => {
    const index = 'CREATE INDEX naive ON delegations (last_heartbeat)';
    expect(await hotShare(() => 'task', index)).toBe(0);
    await database.query('DROP INDEX naive');
  });
});
