import { describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { BufferMeter } from '../../../bench/buffers.ts';
import { placeBeforeAll, type Range } from '../../../src/sweeper/pass/place.ts';
import { Ranges } from '../../../src/sweeper/pass/ranges.ts';
import { overdue, stale } from '../../../src/sweeper/pass/rules.ts';
import { markBatchStatement } from '../../../src/sweeper/pass/statements/mark-batch.ts';
import { rangeValues } from '../../../src/sweeper/pass/statements/places.ts';
import { planStatement } from '../../../src/sweeper/pass/statements/plan.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { testLedger, testSweeper } from '../../support/fixtures.ts';
import { plainStaleness } from '../../support/plain-staleness.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ server: 'own' });

const FLEET = 300;
/** Of the large fleet: enough that each of its buckets fills whole index pages. */
const LARGE_FLEET = 2000;

/** A fleet that sends heartbeats, among finished rows. */
async function load(finished: number, { silentSeconds = 0, inProgress = FLEET, previewBytes = 4 } = {}): Promise<void> {
  await database.query('TRUNCATE delegations, activity_logs CASCADE');
  await database.query(
    `WITH rows AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, finished_at, revision)
       SELECT 'done-' || i, 'caller', 'callee', repeat('x', $4::int), 'completed', now() - interval '1 day', now() - interval '1 day', 1
       FROM generate_series(1, $1::int) i
       UNION ALL
       SELECT 'live-' || i, 'caller', 'callee', 'task', 'in_progress', now() - $3::float8 * interval '1 second', NULL, 1
       FROM generate_series(1, $2::int) i
       RETURNING delegation_id, status)
     INSERT INTO activity_logs (delegation_id, event, to_status, actor)
     SELECT delegation_id, 'delegation.' || status, status, 'test' FROM rows`,
    [finished, inProgress, silentSeconds, previewBytes],
  );
  await database.query('VACUUM (ANALYZE) delegations');
}

const fleet = Array.from({ length: FLEET }, (_, i) => `live-${i + 1}`);

async function idleBuffers(): Promise<number> {
  const meter = new BufferMeter(database.url);
  try {
    const { sweeper } = testSweeper(meter.db, { storm: { minStale: 20, ratio: 0.5, maxHoldMs: 60_000 } });
    return await meter.measure(() => sweeper.sweep({ trigger: 'manual' }));
  } finally {
    await meter.db.destroy();
  }
}

describe('an idle sweep', () => {
  test('touches no more buffers when the table has fifty times the rows', async () => {
    await load(400);
    await idleBuffers();
    const small = await idleBuffers();
    await load(20_000);
    await idleBuffers();
    const large = await idleBuffers();
    expect(small).toBeLessThanOrEqual(100);
    expect(large).toBeLessThanOrEqual(small * 1.5);
  });

  test('touches no more buffers after the whole fleet was heard thirty times', async () => {
    await load(20_000);
    await idleBuffers();
    const before = await idleBuffers();
    const { ledger } = testLedger(database.db, { heartbeatMinIntervalMs: 0.001 });
    for (let round = 0; round < 30; round += 1) await ledger.heartbeatMany(fleet);
    expect(await idleBuffers()).toBeLessThanOrEqual(before + 10);
  });
});

describe('an idle sweep of a fleet that has crossed a dozen buckets, each followed by a vacuum', () => {
  // By default vacuum skips the index while the dead rows are on two of a hundred pages: bench/scenarios/crossings.
  test('touches no more', async () => {
    await load(20_000, { inProgress: LARGE_FLEET, previewBytes: 1500 });
    await idleBuffers();
    const before = await idleBuffers();
    for (let minutesAgo = 60; minutesAgo >= 0; minutesAgo -= 5) {
      await database.query(
        `UPDATE delegations SET last_heartbeat = now() - $1::float8 * interval '1 minute' WHERE status = 'in_progress'`,
        [minutesAgo],
      );
      await database.query('VACUUM delegations');
    }
    expect(await idleBuffers()).toBeLessThanOrEqual(before + 5);
  });
});

describe('a heartbeat', () => {
  test('writes no more than 250 bytes of log inside its bucket, and a fresh one nothing', async () => {
    await load(0);
    await database.db.connection().execute(async (db) => {
      /** What this session writes: not a checkpoint, and not a vacuum that runs meanwhile. */
      const walOf = async (work: () => Promise<unknown>) => {
        const read = async () => {
          await sql`SELECT pg_stat_force_next_flush()`.execute(db);
          const backend = sql<{ bytes: number }>`
            SELECT wal_bytes::float8 AS bytes FROM pg_stat_get_backend_wal(pg_backend_pid())`;
          return (await backend.execute(db)).rows[0]!.bytes;
        };
        const before = await read();
        await work();
        return (await read()) - before;
      };
      const eager = testLedger(db, { heartbeatMinIntervalMs: 0.001 }).ledger;
      const debounced = testLedger(db, { heartbeatMinIntervalMs: 3_600_000 }).ledger;
      const all = (ledger: typeof eager) => async () => {
        for (const id of fleet) await ledger.heartbeat(id);
      };
      await all(eager)();
      const samples: number[] = [];
      for (let round = 0; round < 5; round += 1) samples.push((await walOf(all(eager))) / FLEET);
      // A bucket's border may fall into a round: the minimum is the heartbeat's own cost.
      expect(Math.min(...samples)).toBeLessThanOrEqual(250);
      await sql`SELECT 1`.execute(db);
      const fresh: number[] = [];
      for (let round = 0; round < 5; round += 1) fresh.push((await walOf(all(debounced))) / FLEET);
      expect(Math.min(...fresh)).toBeLessThanOrEqual(15);
    });
  });

  test('reads its row by the key, whatever plan its session has cached', async () => {
    const meter = new BufferMeter(database.url);
    try {
      const { ledger } = testLedger(meter.db, { heartbeatMinIntervalMs: 3_600_000 });
      // Planned and cached while the table was empty.
      for (let i = 0; i < 10; i += 1) await ledger.heartbeat('nobody');
      await load(20_000);
      await ledger.heartbeat('live-1');
      expect(await meter.measure(() => ledger.heartbeat('live-1'))).toBeLessThanOrEqual(20);
    } finally {
      await meter.db.destroy();
    }
  });
});

describe('a batch', () => {
  test.each([stale, overdue])('finds its rows again by their ctid, not by a join: $name', async (rule) => {
    await load(5000, { silentSeconds: 700 });
    const tables = sweeperTables(database.db);
    const nowUs = Date.now() * 1000;
    const judged = { now: nowUs, staleness: plainStaleness(nowUs) };
    const range = rangeValues({
      after: placeBeforeAll,
      upTo: { keyUs: nowUs, delegationId: 'z' },
      rows: 100,
      ids: null,
    });
    const values = { ...judged, ...range, force: false, foundIds: [], rowsMax: 100 };
    const plans = [
      await explain(planStatement(tables, rule).bind({ ...values, batchRowsMax: 10 })),
      await explain(markBatchStatement(tables, rule).bind({ ...values, sweepId: 'sweep' })),
    ];
    for (const text of plans) expect(text).not.toContain('Seq Scan on delegations');
    expect(plans[1]).toContain('Tid Scan on delegations');
    expect(plans[1]).not.toMatch(/Hash Join|Merge Join/);
  });

  async function explain({ sql, parameters }: { sql: string; parameters: unknown[] }): Promise<string> {
    const rows = await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, parameters);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  }
});

describe('a few stale rows among many that are alive', () => {
  test('are named by the plan, so that the batch does not read their bucket again; many are not', async () => {
    await load(0, { inProgress: LARGE_FLEET, silentSeconds: 0 });
    const tables = sweeperTables(database.db);
    const ids = ['live-7', 'live-1000', 'live-1999'];
    const nowUs = Date.now() * 1000 + 300_000_000;
    const planned = (rowsMax: number, batchRowsMax: number, horizonUs: number) =>
      planStatement(tables, stale).run(database.db, {
        now: nowUs,
        staleness: plainStaleness(horizonUs),
        force: false,
        afterUs: placeBeforeAll.keyUs,
        afterId: placeBeforeAll.delegationId,
        foundIds: [],
        rowsMax,
        batchRowsMax,
      });
    await database.query(
      `UPDATE delegations SET last_heartbeat = last_heartbeat - interval '1 second' WHERE delegation_id = ANY($1)`,
      [ids],
    );
    const [{ us }] = (await database.query<{ us: number }>(
      'SELECT (extract(epoch FROM max(last_heartbeat)) * 1000000)::float8 AS us FROM delegations',
    )) as [{ us: number }];
    expect(await planned(1000, 1000, us)).toMatchObject([{ rows: 3, ids: expect.arrayContaining(ids) }]);
    expect(await planned(1000, 2, us)).toMatchObject([
      { rows: 2, ids: null },
      { rows: 1, ids: null },
    ]);
    expect(await planned(1000, 1000, us + 1)).toMatchObject([{ rows: 1000, ids: null }]);
  });
});

describe('the ranges of a pass', () => {
  const places = (from: number, count: number, rows = 1000) =>
    Array.from({ length: count }, (_, i) => ({ keyUs: from + i, delegationId: `row-${from + i}`, rows, ids: null }));

  test('follow each other without a gap, and are planned while earlier ones are processed', async () => {
    const asked: number[] = [];
    const ranges = new Ranges(
      async (after, rowsMax) => {
        asked.push(rowsMax);
        return after.keyUs < 0 ? places(0, 16) : after.keyUs === 15 ? places(16, 1, 10) : [];
      },
      placeBeforeAll,
      1000,
      1_000_000,
    );
    const taken: Range[] = [];
    for (let range = await ranges.next(); range; range = await ranges.next()) taken.push(range);
    expect(taken.map(({ upTo }) => upTo.keyUs)).toEqual(Array.from({ length: 17 }, (_, i) => i));
    taken.slice(1).forEach(({ after }, i) => {
      expect(after).toEqual(taken[i]!.upTo);
    });
    expect(asked).toEqual([16_000, 16_000]);
  });

  test('report an error of their planning when the next range is requested, and only then', async () => {
    const ranges = new Ranges(
      async (after) => {
        if (after.keyUs < 0) return places(0, 16);
        throw new Error('away');
      },
      placeBeforeAll,
      1000,
      1_000_000,
    );
    for (let i = 0; i < 16; i += 1) expect(await ranges.next()).not.toBeNull();
    await expect(ranges.next()).rejects.toThrow('away');
  });
});
