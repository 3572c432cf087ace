import { type Kysely, sql } from 'kysely';
import type { Database } from '../../src/db/schema.ts';
import type { Bench } from '../bench.ts';
import { updatesOf, walBytes } from '../counters.ts';
import { insertFleet, settle } from '../data.ts';
import { type Figure, type Findings, median, medianFigure, type Picture } from '../figure.ts';
import { beatAll, chunksOf, idsInProgress, ledgerOf } from '../heartbeating.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { SimulatedClock } from '../simulated-clock.ts';
import { type Contestant, ratios, takeTurns } from '../turns.ts';

const ROUNDS = 5;

/** A heartbeat's price: HOT share, write-ahead log, calls a second; and what other designs of the table would pay. */
export async function heartbeatScenario(bench: Bench): Promise<Findings> {
  const figures: Figure[] = [];
  await withoutPageImages(bench, async () => {
    bench.say('heartbeat: inside a bucket');
    figures.push(...(await insideBucket(bench)));
  });
  bench.say('heartbeat: an hour');
  figures.push(await overAnHour(bench));
  bench.say('heartbeat: calls a second');
  figures.push(...(await callsPerSecond(bench)));
  bench.say('heartbeat: designs');
  const designs = await overDesigns(bench);
  return { figures: [...figures, ...designs.figures], pictures: designs.pictures };
}

async function withoutPageImages({ server }: Bench, work: () => Promise<void>): Promise<void> {
  await server.command('ALTER SYSTEM SET full_page_writes = off', 'SELECT pg_reload_conf()');
  try {
    await work();
  } finally {
    await server.command('ALTER SYSTEM RESET full_page_writes', 'SELECT pg_reload_conf()');
  }
}

async function fleetOf({ template }: Bench, rows: number): Promise<LedgerDatabase> {
  const database = await template.copy();
  await insertFleet(database, { rows, silentFromSeconds: 0, silentToSeconds: 0 });
  await settle(database);
  return database;
}

/** Ten heartbeats of each row, one call each, in one bucket of a simulated clock; and its bytes, a commit each. */
async function insideBucket(bench: Bench): Promise<Figure[]> {
  await using database = await fleetOf(bench, 2000);
  const ids = await idsInProgress(database);
  const clock = await SimulatedClock.open(database);
  const ledger = ledgerOf(clock.db);
  await clock.set(secondsToNextBucket() + 1);
  await beatAll(ledger, chunksOf(ids, 1000));
  await reported(database, clock);
  const before = { wal: await walBytes(database), updates: await updatesOf(database, 'delegations') };
  for (let round = 0; round < 10; round += 1) {
    for (const id of ids) {
      const { outcome } = await ledger.heartbeat(id);
      if (outcome !== 'stamped') throw new Error(`a heartbeat was ${outcome}`);
    }
  }
  const wal = (await walBytes(database)) - before.wal;
  const after = await hotSince(database, clock, before.updates);
  return [
    { what: 'one heartbeat inside its bucket', unit: '% HOT', value: after.hotPercent, limit: { atLeast: 95 } },
    {
      what: 'its write-ahead log',
      unit: 'bytes',
      value: wal / after.updates,
      limit: { atMost: 250 },
      note: 'no full-page images, its commit record included',
    },
  ];
}

/** Milliseconds are not enough to fill a bucket: the rounds stay inside the one that begins now. */
function secondsToNextBucket(): number {
  return 300 - ((Date.now() / 1000) % 300);
}

/** A session reports what it has counted no more than once a second, at the end of a statement. */
async function reported(database: LedgerDatabase, clock: SimulatedClock): Promise<void> {
  await database.query('SELECT pg_sleep(1.1)');
  await ledgerOf(clock.db).get('none');
}

async function hotSince(database: LedgerDatabase, clock: SimulatedClock, before: { updates: number; hot: number }) {
  await reported(database, clock);
  const after = await updatesOf(database, 'delegations');
  const updates = after.updates - before.updates;
  return { updates, hotPercent: ((after.hot - before.hot) / updates) * 100 };
}

/** An hour of a fleet with cadences from ten seconds to a minute, each row its own, in simulated time. */
async function overAnHour(bench: Bench): Promise<Figure> {
  const rows = bench.quick ? 1000 : 5000;
  await using database = await fleetOf(bench, rows);
  const ids = await idsInProgress(database);
  const clock = await SimulatedClock.open(database);
  const ledger = ledgerOf(clock.db);
  const cadences = ids.map((_, i) => 10 + (50 * i) / (ids.length - 1));
  const due = cadences.map((cadence, i) => cadence * ((i * 0.618) % 1));
  const before = await updatesOf(database, 'delegations');
  for (let second = 10; second <= 3600; second += 10) {
    await clock.set(second);
    const heard = ids.filter((_, i) => due[i]! <= second);
    ids.forEach((_, i) => {
      if (due[i]! <= second) due[i] = due[i]! + cadences[i]!;
    });
    await beatAll(ledger, chunksOf(heard, 100));
  }
  const { updates, hotPercent } = await hotSince(database, clock, before);
  return {
    what: 'heartbeats over an hour, cadences of 10 s to 60 s',
    unit: '% HOT',
    value: hotPercent,
    limit: { atLeast: 85 },
    note: `${updates.toLocaleString('en')} heartbeats of ${rows} rows, 12 buckets crossed, simulated clock, no debounce`,
  };
}

/** One connection each. */
async function callsPerSecond(bench: Bench): Promise<Figure[]> {
  await using database = await fleetOf(bench, 10_000);
  const ids = await idsInProgress(database);
  const single = ids.slice(0, bench.quick ? 1000 : 3000);
  const db = database.open({ max: 1 });
  const eager = ledgerOf(db);
  const debounced = ledgerOf(db, 3_600_000);
  const nothing = async () => {};
  const contestants: Contestant[] = [
    { name: 'heartbeat', units: single.length, prepare: nothing, run: () => oneByOne(eager, single, 'stamped') },
    { name: 'heartbeatMany(100)', units: ids.length, prepare: nothing, run: () => beatAll(eager, chunksOf(ids, 100)) },
    { name: 'fresh', units: single.length, prepare: nothing, run: () => oneByOne(debounced, single, 'fresh') },
    { name: 'empty', units: single.length, prepare: nothing, run: () => emptyRoundTrips(db, single) },
  ];
  const rates = await takeTurns(bench.load, ROUNDS, contestants);
  return [
    medianFigure('heartbeat, one connection', 'a second', rates.get('heartbeat')!.perSecond),
    medianFigure('heartbeatMany(100), one connection', 'a second', rates.get('heartbeatMany(100)')!.perSecond),
    medianFigure('heartbeatMany(100) / heartbeat', 'x', ratios(rates, 'heartbeatMany(100)', 'heartbeat'), {
      limit: { atLeast: 5 },
    }),
    medianFigure('a fresh (debounced) heartbeat', 'a second', rates.get('fresh')!.perSecond),
    medianFigure('an empty round trip', 'a second', rates.get('empty')!.perSecond, { note: 'SELECT $1' }),
    medianFigure('empty round trip / heartbeat', 'x', ratios(rates, 'empty', 'heartbeat'), {
      note: 'what a fresh one could reach at most',
    }),
    medianFigure('fresh / heartbeat', 'x', ratios(rates, 'fresh', 'heartbeat'), { limit: { atLeast: 3 } }),
  ];
}

async function oneByOne(ledger: ReturnType<typeof ledgerOf>, ids: readonly string[], expected: string): Promise<void> {
  for (const id of ids) {
    const { outcome } = await ledger.heartbeat(id);
    if (outcome !== expected) throw new Error(`a heartbeat was ${outcome}, not ${expected}`);
  }
}

async function emptyRoundTrips(db: Kysely<Database>, ids: readonly string[]): Promise<void> {
  for (const id of ids) await sql`SELECT ${id}::text`.execute(db);
}

/** The same rows, updated the same way, under other indexes. */
const designs: Readonly<Record<string, string>> = {
  'time bucket (ours)': `CREATE INDEX ON design (heartbeat_bucket, delegation_id) WHERE status = 'in_progress'`,
  'index on last_heartbeat': `CREATE INDEX ON design (last_heartbeat) WHERE status = 'in_progress'`,
  'no index': 'SELECT 1',
};

async function overDesigns(bench: Bench): Promise<{ figures: Figure[]; pictures: Picture[] }> {
  const rows = bench.quick ? 5000 : 20_000;
  await using database = await fleetOf(bench, rows);
  const calls = chunksOf(await idsInProgress(database), 100);
  const measured = new Map<string, { wal: number[]; hot: number[]; rate: number[] }>();
  await withoutPageImages(bench, async () => {
    for (let round = 0; round < (bench.quick ? 3 : 5); round += 1) {
      for (const [name, index] of Object.entries(designs)) {
        const kept = measured.get(name) ?? { wal: [], hot: [], rate: [] };
        measured.set(name, kept);
        const { wal, hot, rate } = await beatDesign(bench, database, index, calls);
        kept.wal.push(wal);
        kept.hot.push(hot);
        kept.rate.push(rate);
      }
    }
  });
  const names = Object.keys(designs);
  const of = (key: 'wal' | 'hot' | 'rate') => names.map((x) => ({ x, y: median(measured.get(x)![key]) }));
  return {
    figures: names.flatMap((name) => {
      const { wal, hot, rate } = measured.get(name)!;
      return [
        medianFigure(`design: ${name}`, '% HOT', hot),
        medianFigure(`design: ${name}, write-ahead log`, 'bytes', wal),
        medianFigure(`design: ${name}, batches of 100`, 'heartbeats/s', rate),
      ];
    }),
    pictures: [
      picture('heartbeat-rate', 'Heartbeats a second over the design of the index', 'heartbeats/s', of('rate')),
      picture('heartbeat-wal', 'Write-ahead log of a heartbeat over the design of the index', 'bytes', of('wal')),
    ],
  };
}

function picture(id: string, title: string, yLabel: string, points: { x: string; y: number }[]): Picture {
  return { id, title, xLabel: 'batches of 100', yLabel, kind: 'bars', series: [{ name: yLabel, points }] };
}

async function beatDesign(bench: Bench, database: LedgerDatabase, index: string, calls: readonly string[][]) {
  await database.query('DROP TABLE IF EXISTS design');
  await database.query(`CREATE TABLE design (LIKE delegations INCLUDING ALL EXCLUDING INDEXES)`);
  await database.query('ALTER TABLE design SET (fillfactor = 70, autovacuum_enabled = off)');
  await database.query(
    `INSERT INTO design OVERRIDING SYSTEM VALUE SELECT ${PLAIN_COLUMNS} FROM delegations`.replace(
      ' OVERRIDING SYSTEM VALUE',
      ` (${PLAIN_COLUMNS})`,
    ),
  );
  await database.query('ALTER TABLE design ADD PRIMARY KEY (delegation_id)');
  await database.query(index);
  await database.query('VACUUM (ANALYZE) design');
  const client = await database.pool.connect();
  try {
    const before = await walBytes(database);
    const { ms } = await bench.load.time(async () => {
      for (let round = 0; round < 5; round += 1) for (const ids of calls) await client.query(BEAT_DESIGN, [ids]);
    });
    const wal = (await walBytes(database)) - before;
    await client.query('SELECT pg_stat_force_next_flush()');
    const { updates, hot } = await updatesOf(database, 'design');
    return { wal: wal / updates, hot: (hot / updates) * 100, rate: (updates / ms) * 1000 };
  } finally {
    client.release();
  }
}

const PLAIN_COLUMNS =
  'delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, task_preview';

const BEAT_DESIGN = `
WITH locked AS MATERIALIZED (
  SELECT delegation_id FROM design WHERE delegation_id = ANY($1) AND finished_at IS NULL
  ORDER BY delegation_id FOR NO KEY UPDATE)
UPDATE design d SET last_heartbeat = greatest(d.last_heartbeat, clock_timestamp())
FROM locked WHERE d.delegation_id = locked.delegation_id`;
