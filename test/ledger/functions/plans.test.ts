import { beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ fresh: true });

const ROWS = 20_000;
/** Plans are made anew for the first calls of a session, unless something says otherwise. */
const CALLS = 12;

beforeAll(async () => {
  // The statistics are those of an empty table.
  await database.query('ANALYZE delegations, activity_logs');
  await database.query('ALTER TABLE delegations SET (autovacuum_enabled = off)');
  await database.query('ALTER TABLE activity_logs SET (autovacuum_enabled = off)');
  await database.query(
    `WITH rows AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, idempotency_key, revision)
       SELECT 'row-' || n, 'caller', 'callee', 'task', CASE WHEN n % 2 = 0 THEN 'in_progress' ELSE 'failed' END, 'key-' || n, 1
       FROM generate_series(1, ${ROWS}) n RETURNING delegation_id, status)
     INSERT INTO activity_logs (delegation_id, event, to_status, actor)
     SELECT delegation_id, 'delegation.' || status, status, 'test' FROM rows`,
  );
});

interface Reads {
  readonly sequential: number;
  readonly rows: number;
}

/** Of both tables, by this session and all that have ended. */
async function reads(session: pg.Client): Promise<Reads> {
  await session.query('SELECT pg_stat_force_next_flush()');
  const { rows } = await session.query(`
    SELECT sum(t.seq_scan)::int AS sequential, sum(t.idx_tup_fetch)::int + (
        SELECT sum(i.idx_tup_read)::int FROM pg_stat_user_indexes i WHERE i.relname IN ('delegations', 'activity_logs')) AS rows
    FROM pg_stat_user_tables t WHERE t.relname IN ('delegations', 'activity_logs')`);
  return rows[0];
}

const many = (name: string) => `ARRAY(SELECT 'row-' || n FROM generate_series(1, 100) n)${name}`;

describe.each(['auto', 'force_custom_plan'])('under plan_cache_mode = %s', (mode) => {
  test.each([
    ['insert', (n: number) => `'new-${mode}-${n}', 'caller', 'callee', 'task', 'new-key-${mode}-${n}'`],
    ['insert', (n: number) => `'new-key-of-${n}', 'caller', 'callee', 'task', 'key-${n + 1}'`],
    ['set_status', (n: number) => `'row-${n + 1}', 'failed', 'again', response_body => '{}'`],
    ['set_status', (n: number) => `'new-${mode}-${n}', 'in_progress'`],
    ['heartbeat', (n: number) => `'row-${2 * n + 2}', min_interval_ms => 0`],
    ['heartbeat', (n: number) => `'row-${2 * n + 2}', progress => 'p'`],
    ['heartbeat_many', () => many(', 0')],
    ['heartbeat_many', () => many(', skip_locked => true')],
    ['wait', (n: number) => `'row-${2 * n + 102}', until_ms => 5000, reason => 'r'`],
    ['resume', (n: number) => `'row-${2 * n + 102}'`],
    ['adjust', (n: number) => `'row-${2 * n + 202}', stuck_after_ms => ${n + 5000}`],
    ['retry', (n: number) => `'row-${2 * n + 301}', new_id => 'retry-${mode}-${n}'`],
    ['retry', () => `'row-1'`],
    [
      'insert_many',
      (
        n: number,
      ) => `(SELECT jsonb_agg(jsonb_build_object('id', 'many-${mode}-${n}-' || i, 'caller', 'caller', 'callee', 'c',
      'preview', 'p', 'idempotency_key', 'key-' || i)) FROM generate_series(1, 20) i)`,
    ],
    [
      'insert_many',
      (n: number) => {
        const texts = (text: string) => `ARRAY(SELECT ${text} FROM generate_series(1, 20) i)`;
        return [`'each-${mode}-${n}-' || i`, `'caller'`, `'c'`, `'p'`].map(texts).join(', ');
      },
    ],
  ])('%s reads the rows that it was asked for, whatever its plan was made from (%#)', async (name, args) => {
    const session = await database.connect();
    await session.query(`SET plan_cache_mode = ${mode}`);
    const before = await reads(session);
    for (let n = 0; n < CALLS; n += 1) await session.query(`SELECT FROM delegation_${name}(${args(n)})`);
    const after = await reads(session);
    await session.end();
    expect(after.sequential - before.sequential).toBe(0);
    // A hundred rows in several steps, and their indexes: far from all of them, each time.
    expect(after.rows - before.rows).toBeLessThan(CALLS * 2000);
  });
});
