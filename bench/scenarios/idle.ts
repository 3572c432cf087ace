import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLog } from '../../src/log/event-log.ts';
import type { Bench } from '../bench.ts';
import { BufferMeter, type Explained } from '../buffers.ts';
import { insertFinished, insertFleet, settle } from '../data.ts';
import { type Figure, type Findings, median, medianFigure, type Picture } from '../figure.ts';
import { beatAll, beatInRealTime, chunksOf, idsInProgress, ledgerOf } from '../heartbeating.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { SimulatedClock, sessionAhead } from '../simulated-clock.ts';
import { sweepOnce } from '../sweeping.ts';

/** Idle sweeps measured right after the heartbeats. */
const SWEEPS = 7;
const EVERY_SECONDS = 10;
const ROUNDS = 30;
const IDS_A_CALL = 1000;

interface Idle {
  readonly rows: number;
  readonly inProgress: number;
  readonly buffers: number[];
  readonly ms: number[];
  /** Heartbeats of each in progress, in five minutes. */
  readonly heard: number;
  readonly snapshotEvents: number;
  readonly last: readonly Explained[];
}

/**
 * What a sweep costs when nothing is stale, right after five minutes in which the whole fleet was heard every ten
 * seconds, or as often as the machine can. Before that the fleet was heard once in each of the four buckets before, so
 * that the index holds dead entries on both sides of the horizon, as in a running system; only autovacuum vacuums.
 */
export async function idleScenario(bench: Bench): Promise<Findings> {
  const [small, large, fleet, manyFleet] = bench.quick ? [20_000, 200_000, 2_500, 25_000] : [1e6, 1e7, 1e5, 1e6];
  bench.say('idle: filling');
  await using base = await ledger(bench, small, fleet);
  await using big = await ledger(bench, large, fleet);
  await using held = await ledger(bench, small, fleet);
  bench.say('idle: heartbeats');
  // In real time all three run at once, since other load does not change buffers. Simulated, each in turn.
  const cases = [
    () => idleAfter(bench, base, small, fleet),
    () => idleAfter(bench, big, large, fleet),
    () => heldOpen(bench, held, small, fleet),
  ];
  const [a, b, c] = bench.quick ? await inTurn(cases) : await Promise.all(cases.map((run) => run()));
  bench.say('idle: the large fleet');
  const more = { rows: manyFleet - fleet, silentFromSeconds: 0, silentToSeconds: 10, prefix: 'more' };
  // Of the rows that are added one in nine is of each kind: one in ten of the fleet.
  await insertFleet(big, { ...more, specialEach: 9 });
  await settle(big);
  const d = await idleAfter(bench, big, large, manyFleet);
  return {
    figures: [
      figureOf(a!),
      figureOf(b!, { atMost: 200 }),
      ratio('idle, ten times the rows', b!, a!, 1.5),
      {
        ...figureOf(d, { atMost: 200 }),
        what: `idle, ${size(d)}, a tenth with a threshold of its own, a tenth waiting`,
      },
      ratio('idle, ten times the rows and the fleet, such a mixture', d, a!, 1.5),
      { ...figureOf(c!), what: `idle, ${size(c!)}, an old snapshot open all the time` },
      ratio('idle, an old snapshot open', c!, a!, 10),
      {
        what: 'log events that name the session, in 7 sweeps',
        unit: '',
        value: c!.snapshotEvents,
        limit: { atLeast: 1 },
      },
      { what: 'the same, at most once', unit: '', value: c!.snapshotEvents, limit: { atMost: 1 } },
      medianFigure(`idle sweep, ${size(b!)}: execution time of all its statements`, 'ms', b!.ms),
    ],
    pictures: [
      picture('idle-table', 'Buffers that an idle sweep touches, by size of the table', [a!, b!]),
      picture('idle-fleet', 'Buffers that an idle sweep touches, by size of the fleet', [b!, d]),
    ],
  };
}

async function ledger({ template }: Bench, rows: number, inProgress: number): Promise<LedgerDatabase> {
  const database = await template.copy();
  await insertFinished(database, rows - inProgress);
  await insertFleet(database, { rows: inProgress, silentFromSeconds: 0, silentToSeconds: 10 });
  await settle(database);
  return database;
}

async function inTurn<T>(cases: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  for (const run of cases) results.push(await run());
  return results;
}

async function heldOpen(bench: Bench, database: LedgerDatabase, rows: number, fleet: number): Promise<Idle> {
  const other = await database.pool.connect();
  // The daemon must name a session with an application_name.
  await other.query(`SET application_name = 'nightly report'`);
  const hold = async () => {
    await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await other.query('SELECT count(*) FROM pg_class');
  };
  try {
    const idle = await idleAfter(bench, database, rows, fleet, hold);
    await other.query('ROLLBACK');
    return idle;
  } finally {
    other.release();
  }
}

async function idleAfter(
  { quick }: Bench,
  database: LedgerDatabase,
  rows: number,
  inProgress: number,
  before: () => Promise<void> = async () => {},
): Promise<Idle> {
  const clock = await SimulatedClock.open(database);
  const calls = chunksOf(await idsInProgress(database), IDS_A_CALL);
  const ledger = ledgerOf(clock.db);
  for (const minutesAgo of [20, 15, 10, 5]) await hearIn(database, minutesAgo, calls);
  await clock.set(0);
  await beatAll(ledger, calls);
  // Simulated minutes are too short for autovacuum, which runs once per real minute: it runs here, and not later.
  if (quick) await settle(database);
  await before();
  const heard = quick
    ? await simulated(clock, ledger, calls)
    : await beatInRealTime(ledger, calls, { forMs: ROUNDS * EVERY_SECONDS * 1000, everyMs: EVERY_SECONDS * 1000 });
  const aheadSeconds = quick ? ROUNDS * EVERY_SECONDS : 0;
  const meter = new BufferMeter(database.url, sessionAhead(aheadSeconds));
  const log = new Counting();
  const buffers: number[] = [];
  const ms: number[] = [];
  let last: Explained[] = [];
  for (let i = 0; i < SWEEPS; i += 1) {
    buffers.push(await meter.measure(() => expectIdle(meter.db, log)));
    ms.push(meter.statements.reduce((sum, statement) => sum + statement.ms, 0));
    last = [...meter.statements];
    await sleep(50);
  }
  await meter.db.destroy();
  return { rows, inProgress, buffers, ms, heard, snapshotEvents: log.snapshotHeld, last };
}

/** A heartbeat of the whole fleet some minutes ago: an update that leaves a dead entry in that bucket. */
async function hearIn(
  database: LedgerDatabase,
  minutesAgo: number,
  calls: readonly (readonly string[])[],
): Promise<void> {
  for (const ids of calls) {
    await database.query(
      `UPDATE delegations SET last_heartbeat = clock_timestamp() - $2::float8 * interval '1 minute' WHERE delegation_id = ANY($1)`,
      [ids, minutesAgo],
    );
  }
}

async function simulated(
  clock: SimulatedClock,
  ledger: ReturnType<typeof ledgerOf>,
  calls: readonly (readonly string[])[],
) {
  for (let round = 1; round <= ROUNDS; round += 1) {
    await clock.set(round * EVERY_SECONDS);
    await beatAll(ledger, calls);
  }
  return ROUNDS;
}

async function expectIdle(db: BufferMeter['db'], log: EventLog): Promise<void> {
  const { stuck, failed, remaining } = await sweepOnce(db, log);
  if (stuck + failed + remaining > 0)
    throw new Error(`not idle: ${stuck} stuck, ${failed} failed, ${remaining} remain`);
}

/** Counts the one event that is measured here. */
class Counting implements EventLog {
  snapshotHeld = 0;

  emit(event: string): void {
    if (event === 'sweep.snapshot_held') this.snapshotHeld += 1;
  }
}

function picture(id: string, title: string, cases: readonly Idle[]): Picture {
  const points = cases.map((idle) => ({ x: size(idle), y: median(idle.buffers) }));
  return {
    id,
    title,
    xLabel: 'rows / in progress',
    yLabel: 'buffers, all statements of a sweep',
    kind: 'bars',
    series: [{ name: 'idle sweep', points }],
  };
}

function size({ rows, inProgress }: Idle): string {
  return `${short(rows)} rows / ${short(inProgress)}`;
}

function short(count: number): string {
  return count >= 1e6 ? `${count / 1e6}M` : `${count / 1e3}k`;
}

function figureOf(idle: Idle, limit?: { atMost: number }): Figure {
  const most = [...idle.last].sort((x, y) => y.buffers - x.buffers)[0]!;
  return medianFigure(`idle, ${size(idle)} in progress`, 'buffers', idle.buffers, {
    ...(limit && { limit }),
    note: `${idle.heard} heartbeats each in five minutes; ${idle.last.length} statements, at most ${most.buffers} buffers each; the first sweep ${idle.buffers[0]}`,
  });
}

function ratio(what: string, one: Idle, other: Idle, atMost: number): Figure {
  return { what, unit: 'x', value: median(one.buffers) / median(other.buffers), limit: { atMost } };
}
