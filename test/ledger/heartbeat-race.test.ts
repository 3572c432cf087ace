import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { terminalStatuses } from '../../src/ledger/transitions.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor, waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase();

describe('a heartbeat that waits behind a mark', () => {
  test.each(terminalStatuses)('hears that the delegation is %s', async (status) => {
    const ids = [
      await seedDelegation(database, { silentSeconds: 700 }),
      await seedDelegation(database, { silentSeconds: 700 }),
    ];
    const rival = await database.db.startTransaction().execute();
    for (const id of ids) await testLedger(rival).ledger.setStatus(id, status);
    const { ledger } = testLedger(database.db);
    const one = ledger.heartbeat(ids[0]!);
    const many = ledger.heartbeatMany(ids);
    await waitUntilWaiting(database, 2);
    await rival.commit().execute();
    for (const result of [await one, ...(await many)]) expect(result).toMatchObject({ outcome: 'terminal', status });
    expect((await ledger.get(ids[0]!))?.status).toBe(status);
  });

  test('would not notice it in one statement, which still sees the status of its snapshot', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    const rival = await database.db.startTransaction().execute();
    await testLedger(rival).ledger.setStatus(id, 'stuck');
    const naive = database.query(
      `WITH stamped AS (
         UPDATE delegations SET last_heartbeat = clock_timestamp()
         WHERE delegation_id = $1 AND status = 'in_progress' RETURNING delegation_id)
       SELECT status, EXISTS (SELECT FROM stamped) AS stamped FROM delegations WHERE delegation_id = $1`,
      [id],
    );
    await waitUntilWaiting(database, 1);
    await rival.commit().execute();
    expect(await naive).toEqual([{ status: 'in_progress', stamped: false }]);
  });

  test('stamps when the mark is rolled back', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    const rival = await database.db.startTransaction().execute();
    await testLedger(rival).ledger.setStatus(id, 'stuck');
    const result = testLedger(database.db).ledger.heartbeat(id);
    await waitUntilWaiting(database, 1);
    await rival.rollback().execute();
    expect(await result).toMatchObject({ outcome: 'stamped', status: 'in_progress' });
  });

  test('never waits behind a fresh one, which takes no lock', async () => {
    const id = await seedDelegation(database);
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [id]);
    const { ledger } = testLedger(database.db);
    expect(await ledger.heartbeat(id)).toMatchObject({ outcome: 'fresh' });
    expect(await ledger.heartbeatMany([id, id, 'nobody'])).toMatchObject([
      { outcome: 'fresh' },
      { outcome: 'fresh' },
      { outcome: 'missing' },
    ]);
    await gate.query('ROLLBACK');
    await gate.end();
  });
});

describe('a heartbeat that waits for a session which leaves the row as it was', () => {
  /** Whether the stamp is not older than the end of the wait. */
  async function isStampedAfterTheWait(beat: (id: string) => Promise<unknown>, end: 'COMMIT' | 'ROLLBACK') {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    const holder = await database.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [id]);
    const beating = beat(id);
    await waitUntilWaiting(database, 1);
    await waitFor('the wait to be longer than a stamp may be old', async () => {
      const [{ ms }] = (await database.query<{
        ms: number;
      }>(`SELECT max(extract(epoch FROM clock_timestamp() - query_start) * 1000)::int AS ms
        FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)) as [{ ms: number }];
      return ms > 50;
    });
    const [before] = await database.query<{ us: string }>(
      `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS us`,
    );
    await holder.query(end);
    await holder.end();
    await beating;
    const [row] = await database.query<{ us: string }>(
      `SELECT (extract(epoch FROM last_heartbeat) * 1000000)::bigint::text AS us FROM delegations WHERE delegation_id = $1`,
      [id],
    );
    return Number(row!.us) >= Number(before!.us);
  }

  test.each(['COMMIT', 'ROLLBACK'] as const)(
    'is stamped with the instant at which it got the row (%s)',
    async (end) => {
      const { ledger } = testLedger(database.db);
      expect(await isStampedAfterTheWait((id) => ledger.heartbeat(id), end)).toBe(true);
      expect(await isStampedAfterTheWait((id) => ledger.heartbeatMany([id]), end)).toBe(true);
      expect(await isStampedAfterTheWait((id) => ledger.heartbeat(id, { progress: 'half' }), end)).toBe(true);
    },
  );

  test('is as old as its wait in the naive form: PostgreSQL computes the new values before it waits', async () => {
    const naive = 'UPDATE delegations SET last_heartbeat = clock_timestamp() WHERE delegation_id = $1';
    expect(await isStampedAfterTheWait((id) => database.query(naive, [id]), 'ROLLBACK')).toBe(false);
  });
});

/**
 * Two batches share the rows a and b; each also has its own row between them, which the test keeps locked, so that
 * each batch stops in its middle. One session reads by index, the other in heap order, where b comes first: plans change
 * in this way with statistics.
 */
async function crossing(run: (session: pg.Client, ids: string[]) => Promise<unknown>) {
  const run_ = randomUUID();
  const [a, gate1, gate2, b] = ['a', 'm1', 'm2', 'z'].map((name) => `${run_}-${name}`) as [
    string,
    string,
    string,
    string,
  ];
  for (const delegationId of [b, gate1, gate2, a]) await seedDelegation(database, { delegationId, silentSeconds: 100 });
  const holder = await database.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM delegations WHERE delegation_id = ANY($1) FOR UPDATE', [[gate1, gate2]]);
  const sessions = [await database.connect(), await database.connect()] as const;
  await sessions[0].query(`SET enable_seqscan = off; SET enable_bitmapscan = off; SET deadlock_timeout = '10ms'`);
  await sessions[1].query(`SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;
    SET deadlock_timeout = '10ms'`);
  const running = Promise.allSettled([run(sessions[0], [a, gate1, b]), run(sessions[1], [b, gate2, a])]);
  await waitUntilWaiting(database, 2);
  await holder.query('COMMIT');
  const settled = await running;
  for (const session of [holder, ...sessions]) await session.end();
  return settled.map((result) => (result.status === 'rejected' ? result.reason.code : 'done'));
}

describe('many sessions that send heartbeats for the same rows at once', () => {
  test('write each row once: a session that waited for a lock finds it fresh, and writes nothing', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => seedDelegation(database, { silentSeconds: 100 })));
    const pool = new pg.Pool({ connectionString: database.url, max: 20 });
    const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
    const { ledger } = testLedger(db);
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT FROM delegations WHERE delegation_id = ANY($1) FOR UPDATE', [ids]);
    const queued = Array.from({ length: 20 }, () => ledger.heartbeatMany(ids));
    await waitUntilWaiting(database, 20);
    await gate.query('COMMIT');
    await gate.end();
    const outcomes = (await Promise.all(queued)).flat().map(({ outcome }) => outcome);
    await db.destroy();
    expect(outcomes.filter((outcome) => outcome === 'stamped')).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === 'fresh')).toHaveLength(95);
  });

  test('would each write again if `due` were computed before the lock', async () => {
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const naive = `WITH seen AS MATERIALIZED (
        SELECT delegation_id FROM delegations
        WHERE delegation_id = ANY($1) AND last_heartbeat <= clock_timestamp() - $2 * interval '1 millisecond'),
      locked AS MATERIALIZED (
        SELECT delegation_id FROM delegations WHERE delegation_id IN (SELECT delegation_id FROM seen)
        ORDER BY delegation_id FOR NO KEY UPDATE)
      UPDATE delegations d SET last_heartbeat = clock_timestamp() FROM locked
      WHERE d.delegation_id = locked.delegation_id RETURNING d.delegation_id`;
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [id]);
    const sessions = [await database.connect(), await database.connect(), await database.connect()];
    const queued = sessions.map((session) => session.query(naive, [[id], 15_000]));
    await waitUntilWaiting(database, 3);
    await gate.query('COMMIT');
    const stamped = (await Promise.all(queued)).flatMap(({ rows }) => rows);
    for (const session of [gate, ...sessions]) await session.end();
    expect(stamped).toHaveLength(3);
  });

  test('a row that another session keeps locked delays none of the others', async () => {
    const [locked, free] = [
      await seedDelegation(database, { silentSeconds: 100 }),
      await seedDelegation(database, { silentSeconds: 100 }),
    ];
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [locked]);
    const { ledger } = testLedger(database.db);
    const results = ledger.heartbeatMany([locked, free]);
    await waitFor('the free one', async () => (await ledger.get(free))!.lastHeartbeat!.getTime() > Date.now() - 50_000);
    await gate.query('COMMIT');
    await gate.end();
    expect(await results).toMatchObject([{ outcome: 'stamped' }, { outcome: 'stamped' }]);
  });
});

describe('two batches of heartbeats that share rows', () => {
  test('both end, whatever the plans: rows are locked in the order of their keys', async () => {
    const sql = 'SELECT FROM delegation_heartbeat_many($1, 1000)';
    expect(await crossing((session, ids) => session.query(sql, [ids]))).toEqual(['done', 'done']);
  });

  test('would deadlock as plain updates, whose order is that of the plan', async () => {
    const sql = 'UPDATE delegations SET last_heartbeat = clock_timestamp() WHERE delegation_id = ANY($1)';
    const outcomes = await crossing((session, ids) => session.query(sql, [ids]));
    expect(outcomes.toSorted()).toEqual(['40P01', 'done']);
  });

  test('never deadlock, many at once and in opposite orders', async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, () => seedDelegation(database, { silentSeconds: 100 })));
    const { ledger } = testLedger(database.db, { heartbeatMinIntervalMs: 0.001 });
    const batches = Array.from({ length: 48 }, (_, round) => {
      const some = ids.filter((__, index) => (index + round) % 3 > 0);
      return ledger.heartbeatMany(round % 2 === 0 ? some : some.toReversed());
    });
    for (const results of await Promise.all(batches)) {
      for (const { outcome } of results) expect(['stamped', 'fresh']).toContain(outcome);
    }
  });
});
