import { describe, expect, test } from '@jest/globals';
import { Beat } from '../../../src/sweeper/observed-time/beat.ts';
import { Sweeper } from '../../../src/sweeper/sweeper.ts';
import { FakeTime } from '../../support/fake-time.ts';
import { capturedLog, seedDelegation, sweeperDefaults, testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const HOUR_MS = 3_600_000;

function daemon(time = new FakeTime()) {
  const capture = capturedLog();
  const beat = new Beat(database.db, capture.log, 600_000, time);
  const sweeper = new Sweeper(database.db, capture.log, sweeperDefaults, undefined, beat);
  return { ...capture, beat, time, sweep: () => sweeper.sweep({ trigger: 'cron' }) };
}

/** Moves every stored instant back by this much; forward when negative. */
async function shiftStored(ms: number) {
  // Without the triggers, which would correct a stamp from the future at once: setting a clock writes nothing.
  const session = await database.connect();
  await session.query('SET session_replication_role = replica');
  const back = (table: string, columns: readonly string[]) =>
    session.query(
      `UPDATE ${table} SET ${columns.map((c) => `${c} = ${c} - ${ms} * interval '1 millisecond'`).join(', ')}`,
    );
  await back('delegations', ['last_heartbeat', 'deadline', 'created_at']);
  await back('sweeper_state', ['beat_at', 'swept_at']);
  await back('sweeper_gaps', ['gap_start', 'gap_end']);
  await session.end();
}

/** The database's clock is set forward by this much; back when negative. These daemons keep what they remember. */
async function setClock(ms: number, ...daemons: readonly { readonly time: FakeTime }[]) {
  await shiftStored(ms);
  for (const { time } of daemons) time.shift(-ms);
}

const status = async (id: string) =>
  (await database.query<{ status: string }>('SELECT status FROM delegations WHERE delegation_id = $1', [id]))[0]!
    .status;
const gaps = () =>
  database.query<{ kind: string; seconds: number }>(
    'SELECT kind, round(extract(epoch FROM gap_end - gap_start))::int AS seconds FROM sweeper_gaps ORDER BY gap_end',
  );
/** What a beat records that finds the clock set back. */
const countsAnew = { kind: 'rewound', seconds: 0 };
const silence = async (id: string) =>
  (
    await database.query<{ seconds: number }>(
      `SELECT extract(epoch FROM clock_timestamp() - last_heartbeat)::float8 AS seconds FROM delegations WHERE delegation_id = $1`,
      [id],
    )
  )[0]!.seconds;

describe("the database's clock is set forward by an hour", () => {
  test('a sweep that notices it first judges no delegation by it: neither silence nor deadlines', async () => {
    const living = await seedDelegation(database, { silentSeconds: 5, deadlineSeconds: 1800 });
    const silent = await seedDelegation(database, { silentSeconds: 601, deadlineSeconds: 1800 });
    const overdue = await seedDelegation(database, { silentSeconds: 5, deadlineSeconds: -1 });
    const first = daemon();
    await first.beat.leave();
    await setClock(HOUR_MS, first);
    expect(await first.sweep()).toMatchObject({ stuck: 1, failed: 1 });
    expect(await Promise.all([living, silent, overdue].map(status))).toEqual(['in_progress', 'stuck', 'failed']);
    expect(await gaps()).toEqual([{ kind: 'clock_jump', seconds: 3600 }]);
    const [jumped, ...others] = first.events('clock.jumped');
    expect(others).toEqual([]);
    expect(jumped).toMatchObject({ level: 'warn' });
    expect(Math.abs((jumped!.jumpMs as number) - HOUR_MS)).toBeLessThan(2_000);
    expect(Date.parse(jumped!.to as string) - Date.parse(jumped!.from as string)).toBeCloseTo(HOUR_MS, -4);
    expect(await first.sweep()).toMatchObject({ stuck: 0, failed: 0, remaining: 0 });
  });

  test('a deadline passes after its remaining time, and a new one follows the clock', async () => {
    const leaptOver = await seedDelegation(database, { deadlineSeconds: 1800 });
    const first = daemon();
    await first.beat.leave();
    await setClock(HOUR_MS, first);
    await first.beat.leave();
    const young = await seedDelegation(database, { deadlineSeconds: -1 });
    expect(await first.sweep()).toMatchObject({ failed: 1 });
    expect(await status(young)).toBe('failed');
    await database.query(
      `UPDATE delegations SET deadline = deadline - interval '1801 seconds' WHERE delegation_id = $1`,
      [leaptOver],
    );
    expect(await first.sweep()).toMatchObject({ failed: 1 });
    expect(await status(leaptOver)).toBe('failed');
  });

  test('a delegation silent for long whose deadline the jump passed is stuck, and not missed by both rules', async () => {
    const dead = await seedDelegation(database, { silentSeconds: 601, deadlineSeconds: 60 });
    const first = daemon();
    await first.beat.leave();
    await setClock(HOUR_MS, first);
    expect(await first.sweep()).toMatchObject({ stuck: 1, failed: 0, remaining: 0 });
    expect(await status(dead)).toBe('stuck');
  });

  test('two daemons record it once', async () => {
    const both = [daemon(), daemon()] as const;
    for (const { beat } of both) await beat.leave();
    await setClock(HOUR_MS, ...both);
    for (const { beat } of both) await beat.leave();
    for (const { sweep } of both) await sweep();
    expect(await gaps()).toEqual([{ kind: 'clock_jump', seconds: 3600 }]);
    expect(both.flatMap(({ events }) => events('clock.jumped'))).toHaveLength(1);
  });

  test('a daemon that was suspended for an hour, while another left beats, sees no jump', async () => {
    const frozen = daemon();
    const awake = daemon();
    await frozen.beat.leave();
    await awake.beat.leave();
    // Its own monotonic clock stood still, like that of a suspended machine.
    frozen.time.shift(-HOUR_MS);
    await awake.beat.leave();
    await frozen.beat.leave();
    expect(await gaps()).toEqual([]);
    expect(frozen.events('clock.jumped')).toEqual([]);
  });

  test('a jump whose recording failed is recorded by the next beat', async () => {
    const living = await seedDelegation(database, { silentSeconds: 5, deadlineSeconds: 1800 });
    const first = daemon();
    await first.beat.leave();
    await setClock(HOUR_MS, first);
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '53100'; END $$`);
    await database.query(`CREATE TRIGGER refuse BEFORE INSERT ON sweeper_gaps FOR EACH ROW
      WHEN (NEW.kind = 'clock_jump') EXECUTE FUNCTION refuse()`);
    await expect(first.sweep()).rejects.toThrow('no');
    expect(await status(living)).toBe('in_progress');
    await database.query('DROP TRIGGER refuse ON sweeper_gaps');
    expect(await first.sweep()).toMatchObject({ stuck: 0, failed: 0 });
    expect(await gaps()).toEqual([{ kind: 'clock_jump', seconds: 3600 }]);
  });
});

describe("the database's clock is set back by an hour", () => {
  test('heartbeats from the future are set to the clock, so that a dead agent is found after one threshold', async () => {
    const dead = await seedDelegation(database, { silentSeconds: 0, deadlineSeconds: 1e5 });
    const old = await seedDelegation(database, { silentSeconds: 4000, deadlineSeconds: 1e5 });
    const first = daemon();
    await first.beat.leave();
    await setClock(-HOUR_MS, first);
    expect(await silence(dead)).toBeLessThan(-3000);
    await first.beat.leave();
    expect(await silence(dead)).toBeGreaterThanOrEqual(0);
    expect(await silence(dead)).toBeLessThan(60);
    expect(await silence(old)).toBeGreaterThan(300);
    expect(first.events('clock.jumped')).toHaveLength(1);
    expect(first.events('clock.jumped')[0]!.jumpMs).toBeLessThan(-3_590_000);
    expect(await gaps()).toEqual([countsAnew]);
    const pass = (seconds: number) =>
      database.query(
        `WITH gap AS (UPDATE sweeper_gaps SET gap_start = gap_start - $1 * interval '1 second', gap_end = gap_end - $1 * interval '1 second')
         UPDATE delegations SET last_heartbeat = last_heartbeat - $1 * interval '1 second'`,
        [seconds],
      );
    await pass(500);
    // The old one has been silent for longer than its threshold, by clocks of which one was wrong.
    expect(await first.sweep()).toMatchObject({ stuck: 0 });
    await pass(101);
    expect(await first.sweep()).toMatchObject({ stuck: 2 });
  });

  test('many of them are corrected in batches; locked ones are corrected by a later sweep', async () => {
    await database.query(`INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, revision)
      SELECT 'row-' || n, 'caller', 'callee', 'task', 'in_progress', clock_timestamp() + n * interval '1 second', 1
      FROM generate_series(1, 2500) n`);
    await database.query(`INSERT INTO activity_logs (delegation_id, event, to_status, actor)
      SELECT delegation_id, 'delegation.in_progress', 'in_progress', 'test' FROM delegations`);
    const first = daemon();
    await first.beat.leave();
    await database.query(`UPDATE sweeper_state SET beat_at = clock_timestamp() + interval '1 hour'`);
    await first.beat.leave();
    const [left] = await database.query(
      'SELECT count(*)::int AS n FROM delegations WHERE last_heartbeat > clock_timestamp()',
    );
    expect(left).toEqual({ n: 0 });
  });

  test('delegations that wait or have limits of their own are corrected as well, however many; the end of a wait stays', async () => {
    await database.query(`INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat,
        stuck_after_ms, stalled_after_ms, progress, progress_at, revision)
      SELECT 'row-' || n, 'caller', 'callee', 'task', 'in_progress', clock_timestamp(), 3600000 + n,
        CASE WHEN n % 2 = 0 THEN 7200000 END, CASE WHEN n % 2 = 0 THEN 'half' END, CASE WHEN n % 2 = 0 THEN clock_timestamp() END, 1
      FROM generate_series(1, 6000) n`);
    await database.query(`INSERT INTO activity_logs (delegation_id, event, to_status, actor)
      SELECT delegation_id, 'delegation.in_progress', 'in_progress', 'test' FROM delegations`);
    await database.query(`UPDATE delegations SET waiting_since = now(), waiting_until = now() + interval '5 hours',
      waiting_reason = 'a person' WHERE delegation_id = 'row-1'`);
    const first = daemon();
    await first.beat.leave();
    const ahead = "+ interval '1 hour'";
    // Past the guard, which lets no instant of the future in.
    const session = await database.connect();
    await session.query('SET session_replication_role = replica');
    await session.query(`ALTER TABLE delegations DROP CONSTRAINT IF EXISTS delegations_instants_sound`);
    await session.query(`UPDATE delegations SET last_heartbeat = last_heartbeat ${ahead}, progress_at = progress_at ${ahead},
      stalled_from = stalled_from ${ahead}, suspect_at = suspect_at ${ahead}`);
    await session.query(`UPDATE sweeper_state SET beat_at = clock_timestamp() ${ahead}`);
    await session.end();
    await first.beat.leave();
    const [left] = await database.query(`SELECT
      count(*) FILTER (WHERE greatest(last_heartbeat, progress_at, stalled_from) > clock_timestamp())::int AS ahead,
      count(*) FILTER (WHERE suspect_at > least(greatest(last_heartbeat, waiting_until) + stuck_after_ms * interval '1 millisecond',
        greatest(progress_at, stalled_from, waiting_until) + stalled_after_ms * interval '1 millisecond'))::int AS late,
      count(*) FILTER (WHERE waiting_until > clock_timestamp() + interval '4 hours')::int AS waiting FROM delegations`);
    expect(left).toEqual({ ahead: 0, late: 0, waiting: 1 });
  });

  test('a sweep from the future counts as one of now, and gaps in the future are cut', async () => {
    const first = daemon();
    await first.beat.leave();
    await database.query(`UPDATE sweeper_state SET swept_at = clock_timestamp()`);
    await database.query(`INSERT INTO sweeper_gaps VALUES
      (clock_timestamp() - interval '80 minutes', clock_timestamp() - interval '20 minutes'),
      (clock_timestamp() - interval '10 minutes', clock_timestamp() - interval '5 minutes')`);
    await setClock(-HOUR_MS, first);
    await first.beat.leave();
    expect(
      await database.query(
        'SELECT swept_at <= clock_timestamp() AS swept, beat_at <= clock_timestamp() AS beaten FROM sweeper_state',
      ),
    ).toEqual([{ swept: true, beaten: true }]);
    expect(await gaps()).toEqual([countsAnew, { kind: 'unwatched', seconds: 1200 }]);
  });

  test("instants in the storm guard's memory that lie in the future are set to now, so that no hold lasts longer; unset ones stay unset", async () => {
    const first = daemon();
    await first.beat.leave();
    await database.query(`UPDATE sweeper_state SET storm_forming_since = clock_timestamp() + interval '50 minutes',
      storm_held_since = clock_timestamp() + interval '51 minutes', storm_partial_since = clock_timestamp() - interval '1 minute',
      storm_came_back_at = clock_timestamp() + interval '55 minutes', storm_watched_before = clock_timestamp() + interval '45 minutes',
      storm_watched_at = clock_timestamp() + interval '59 minutes'`);
    await setClock(-HOUR_MS, first);
    await first.beat.leave();
    expect(
      await database.query(`SELECT greatest(storm_forming_since, storm_held_since, storm_came_back_at, storm_watched_before,
          storm_watched_at) <= clock_timestamp() AS past, storm_released_at,
          storm_partial_since < clock_timestamp() - interval '50 seconds' AS kept FROM sweeper_state`),
    ).toEqual([{ past: true, storm_released_at: null, kept: true }]);
  });

  test('is seen by a daemon that has just started, from the last beat, which lies in the future', async () => {
    const dead = await seedDelegation(database, { silentSeconds: 0, deadlineSeconds: 1e5 });
    await daemon().beat.leave();
    await setClock(-HOUR_MS);
    const young = daemon();
    await young.beat.leave();
    expect(young.events('clock.jumped')).toHaveLength(1);
    expect(await silence(dead)).toBeGreaterThanOrEqual(0);
  });

  test('is followed by the next beat of a daemon that has just started, where that failed at the first', async () => {
    const id = await seedDelegation(database, { silentSeconds: 0 });
    await daemon().beat.leave();
    await setClock(-HOUR_MS);
    const { beat, events } = daemon();
    await database.query('ALTER TABLE sweeper_holds RENAME TO away');
    await expect(beat.leave()).rejects.toThrow('sweeper_holds');
    expect(events('clock.jumped')).toEqual([]);
    await database.query('ALTER TABLE away RENAME TO sweeper_holds');
    // The database does not tell it again: the last beat does not lie ahead any more.
    await beat.leave();
    expect(await silence(id)).toBeGreaterThanOrEqual(0);
    expect(events('clock.jumped')).toHaveLength(1);
    await beat.leave();
    expect(events('clock.jumped')).toHaveLength(1);
  });

  test('is not taken for a rewound database: no agent repeats anything', async () => {
    const both = [daemon(), daemon()] as const;
    for (const { beat } of both) await beat.leave();
    const epoch = () => database.query('SELECT epoch FROM sweeper_threshold');
    const before = await epoch();
    await setClock(-HOUR_MS, ...both);
    for (const { beat } of [...both, ...both]) await beat.leave();
    expect(both.flatMap(({ events }) => events('database.rewound'))).toEqual([]);
    expect(await epoch()).toEqual(before);
  });
});

test('without a clock change nothing is different, and a one-shot sweep records no clock', async () => {
  const first = daemon();
  for (let beat = 0; beat < 3; beat += 1) await first.beat.leave();
  await first.sweep();
  await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
  expect(first.events('clock.jumped')).toEqual([]);
  expect(await gaps()).toEqual([]);
});
