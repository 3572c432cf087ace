import { beforeAll, expect, test } from '@jest/globals';
import { installSchemas } from '../../../src/compose/install.ts';
import { databaseOn, openPool } from '../../../src/db/pool.ts';
import { PoolShares } from '../../../src/db/pool-shares.ts';
import { pgBossTables } from '../../../src/jobs/pgboss-tables.ts';
import { Beat } from '../../../src/sweeper/observed-time/beat.ts';
import type { BeatAnswer, BeatValues } from '../../../src/sweeper/observed-time/beats.ts';
import { beatStatement } from '../../../src/sweeper/observed-time/statements/beat.ts';
import { lastActivitiesStatement } from '../../../src/sweeper/on-time/statements/last-activities.ts';
import { transactionStatement } from '../../../src/sweeper/on-time/statements/transaction.ts';
import { Stillness } from '../../../src/sweeper/on-time/stillness.ts';
import { Rounds } from '../../../src/sweeper/rounds/rounds.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { capturedLog } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const database = useDatabase({ replayed: false });
const ledgers = ['l_a', 'l_b', 'l_c'];

beforeAll(async () => {
  for (const dbSchema of ledgers) {
    await installSchemas({ location: { url: database.url }, dbSchema, pgbossSchema: 'pgboss' });
  }
}, 60_000);

const insert = (ledger: string, id: string) =>
  `SELECT ${ledger}.delegation_insert('${id}', 'caller', 'callee', 'task')`;
const fails = () => Promise.reject(new Error('asked by itself'));

/** Rounds over a pool of their own, and each ledger through a share of it. */
function opened() {
  const { pool, close } = openPool({
    location: { url: database.url },
    max: 4,
    applicationName: 'rounds',
    queryTimeoutMs: 60_000,
  });
  const shares = new PoolShares(pool, { max: 4, waitMs: 10_000 });
  const db = databaseOn(shares.add({ queryMaxMs: 2_000 }), 'public');
  const rounds = new Rounds({ db, pgBoss: { runner: db, tables: pgBossTables('pgboss') } });
  const of = new Map(ledgers.map((ledger) => [ledger, databaseOn(shares.add(), ledger)]));
  return { db, rounds, of, [Symbol.asyncDispose]: () => close(1_000) };
}

const values = (daemonId: string): BeatValues => ({
  daemonId,
  stuckAfterMs: 600_000,
  gapAfterMs: 30_000,
  lastLeft: null,
  setBackBefore: null,
  sawSetBack: false,
});

test('a beat of many at once writes and answers what one by itself does, also a gap', async () => {
  await using all = opened();
  const beat = (daemonId: string) =>
    Promise.all(ledgers.map((ledger) => all.rounds.beats.ask(ledger, values(daemonId), fails)));
  await beat('first');
  await database.query(`UPDATE l_b.sweeper_state SET beat_at = beat_at - interval '5 minutes'`);
  const [before, gap, after] = (await beat('second')) as [BeatAnswer, BeatAnswer, BeatAnswer];
  for (const answer of [before, after]) {
    expect(answer).toMatchObject({
      gapStartUs: null,
      gapEndUs: null,
      gapKind: null,
      wasSetBack: false,
      longestMs: 600_000,
    });
    expect(answer.nowUs).toBeGreaterThan(answer.beatAtUs!);
  }
  expect(gap).toMatchObject({ gapKind: 'unwatched', gapEndUs: gap.nowUs, gapStartUs: gap.beatAtUs });
  expect(await database.query('SELECT kind FROM l_b.sweeper_gaps')).toEqual([{ kind: 'unwatched' }]);
  expect(await database.query('SELECT daemon_id FROM l_c.sweeper_daemons ORDER BY 1')).toEqual([
    { daemon_id: 'first' },
    { daemon_id: 'second' },
  ]);
  // The same columns with the same types.
  const db = all.of.get('l_a')!;
  const [alone] = await beatStatement(sweeperTables(db)).run(db, values('third'));
  const shape = (answer: BeatAnswer) => Object.entries(answer).map(([name, value]) => [name, typeof value]);
  expect(shape(alone!).toSorted()).toEqual(shape(before).toSorted());
});

test('a ledger whose table is locked fails by itself; the others are answered meanwhile, and the next time at once', async () => {
  await using all = opened();
  const { log } = capturedLog();
  const beats = new Map(
    ledgers.map((ledger) => {
      const together = (asked: BeatValues, alone: () => Promise<BeatAnswer>) =>
        all.rounds.beats.ask(ledger, asked, alone);
      return [ledger, new Beat(all.of.get(ledger)!, log, 600_000, undefined, together)] as const;
    }),
  );
  const locker = await database.connect();
  await locker.query('BEGIN');
  await locker.query('LOCK TABLE l_b.delegations IN ACCESS EXCLUSIVE MODE');
  let isAnswered = false;
  const locked = beats
    .get('l_b')!
    .leave()
    .finally(() => {
      isAnswered = true;
    });
  const others = () => Promise.all(['l_a', 'l_c'].map((ledger) => beats.get(ledger)!.leave()));
  await others();
  await others();
  expect(isAnswered).toBe(false);
  await locker.query('COMMIT');
  await locker.end();
  await locked;
});

/** Waits until a session waits for a lock. */
const waiting = () =>
  waitFor('a statement that waits for a lock', async () => {
    const rows = await database.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rows.length > 0;
  });

test('a table that is locked does not keep the sweeps of the ticks from being read: that statement takes its locks before it could limit them', async () => {
  await using all = opened();
  const locker = await database.connect();
  await locker.query('BEGIN; LOCK TABLE l_b.sweeper_state IN ACCESS EXCLUSIVE MODE');
  const ask = () =>
    Promise.all(ledgers.map((ledger) => all.rounds.tickSweeps.ask(ledger, null, async () => `${ledger} by itself`)));
  const answers = ask();
  await waiting();
  expect((await answers)[1]).toBe('l_b by itself');
  expect((await answers)[0]).not.toBe('l_a by itself');
  await locker.query('ROLLBACK');
  await locker.end();
});

test('a ledger whose function is missing is found, and the others are asked together without it', async () => {
  await using all = opened();
  await database.query('ALTER FUNCTION l_b.sweeper_beat(jsonb) RENAME TO away');
  const own: string[] = [];
  const beat = () =>
    Promise.all(
      ledgers.map((ledger) =>
        all.rounds.beats.ask(ledger, values('fourth'), async () => {
          own.push(ledger);
          const db = all.of.get(ledger)!;
          return (await beatStatement(sweeperTables(db)).run(db, values('fourth')))[0]!;
        }),
      ),
    );
  try {
    for (let n = 0; n < 3; n += 1) await beat();
    expect(own).toEqual(['l_b', 'l_b', 'l_b']);
  } finally {
    await database.query('ALTER FUNCTION l_b.away(jsonb) RENAME TO sweeper_beat');
  }
});

test('a sweep of an empty ledger is recorded; where something is open or held, it is left to a whole sweep', async () => {
  await using all = opened();
  const { rounds } = all;
  const sweep = (sweepId: string) =>
    Promise.all(ledgers.map((ledger) => rounds.emptySweeps.ask(ledger, { sweepId, trigger: 'cron' }, fails)));
  const recorded = async (sweepId: string) => {
    const rows = await database.query<{ ledger: string }>(
      ledgers
        .map(
          (
            ledger,
          ) => `SELECT '${ledger}' AS ledger FROM ${ledger}.sweeper_sweeps w JOIN ${ledger}.sweeper_state s USING (sweep_id)
            WHERE w.sweep_id = $1 AND s.swept_at >= w.started_at AND w.trigger = 'cron'`,
        )
        .join(' UNION ALL '),
      [sweepId],
    );
    return rows.map(({ ledger }) => ledger);
  };
  expect(await sweep('one')).toEqual([true, true, true]);
  expect(await recorded('one')).toEqual(ledgers);
  expect(await Promise.all(ledgers.map((ledger) => rounds.tickSweeps.ask(ledger, null, fails)))).toEqual([
    'one',
    'one',
    'one',
  ]);

  await database.query(insert('l_a', 'open'));
  await database.query(`INSERT INTO l_b.sweeper_holds (held_since, held_until, reason, made_by)
    VALUES (statement_timestamp(), now() + interval '1 hour', 'test', 'test')`);
  expect(await sweep('two')).toEqual([false, false, true]);
  expect(await recorded('two')).toEqual(['l_c']);

  await database.query(`SELECT l_a.delegation_set_status('open', 'failed')`);
  await database.query(`ALTER TABLE l_c.delegations ENABLE ROW LEVEL SECURITY`);
  expect(await sweep('three')).toEqual([true, false, false]);
  await database.query(`ALTER TABLE l_c.delegations DISABLE ROW LEVEL SECURITY`);
});

test('nobody rests while a delegation is being inserted: it is open only once its transaction has ended', async () => {
  await using all = opened();
  const stillness = new Stillness();
  const drawn: (string | null)[] = [];
  const read = async () => {
    const [row] = await lastActivitiesStatement().run(all.db, { ledgers: ['l_c'] });
    drawn.push(row!.drawn);
    stillness.take({ ...row!, runningFrom: BigInt(row!.runningFrom) });
    const [begun] = await transactionStatement().run(all.db, {});
    if (stillness.needsMark) stillness.mark(BigInt(begun!.transaction));
  };
  const isOpen = async () => (await database.query('SELECT FROM l_c.delegations WHERE finished_at IS NULL')).length > 0;
  for (let n = 0; n < 3; n += 1) await read();
  expect(stillness.settled).not.toBeNull();
  const writer = await database.connect();
  await writer.query('BEGIN');
  await writer.query(insert('l_c', 'late'));
  for (let n = 0; n < 4; n += 1) await read();
  // Who only compared the numbers would rest now, and never look again.
  expect({ same: drawn.at(-1) === drawn.at(-2), open: await isOpen() }).toEqual({ same: true, open: false });
  expect(stillness.settled).toBeNull();
  await writer.query('COMMIT');
  await writer.end();
  await read();
  expect({ settled: stillness.settled !== null, open: await isOpen() }).toEqual({ settled: true, open: true });
});

test('a ledger whose numbers cannot be read, or that is not there, is never settled', async () => {
  await using all = opened();
  const rows = await lastActivitiesStatement().run(all.db, { ledgers: ['nowhere', 'l_a'] });
  expect(rows.map(({ ledger, drawn }) => [ledger, drawn === null])).toEqual([
    ['nowhere', true],
    ['l_a', false],
  ]);
  await database.query('ALTER SEQUENCE l_b.activity_logs_activity_id_seq CACHE 20');
  expect(await lastActivitiesStatement().run(all.db, { ledgers: ['l_b'] })).toMatchObject([{ drawn: null }]);
  await database.query('ALTER SEQUENCE l_b.activity_logs_activity_id_seq CACHE 1');
  expect(await lastActivitiesStatement().run(all.db, { ledgers: ['l_b'] })).toMatchObject([
    { drawn: expect.any(String) },
  ]);
  await database.query('CREATE TABLE l_b.delegation_node ()');
  expect(await lastActivitiesStatement().run(all.db, { ledgers: ['l_b'] })).toMatchObject([{ drawn: null }]);
  await database.query('DROP TABLE l_b.delegation_node');
});
