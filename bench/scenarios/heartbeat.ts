import { type Kysely, sql } from 'kysely';
import type { Database } from '../../src/db/schema.ts';
import type { Bench } from '../bench.ts';
import { updatesOf, walBytes } from '../counters.ts';
import { fleetOf } from '../data.ts';
import { type Figure, type Findings, medianFigure } from '../figure.ts';
import { beatAll, chunksOf, idsInProgress, ledgerOf } from '../heartbeating.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { SimulatedClock } from '../simulated-clock.ts';
import { type Contestant, ratios, takeTurns } from '../turns.ts';
import { overDesigns } from './heartbeat-designs.ts';

const ROUNDS = 5;

/** A heartbeat's cost: HOT share, write-ahead log, calls a second; and what it would be with other indexes. */
export async function heartbeatScenario(bench: Bench): Promise<Findings> {
  const figures: Figure[] = [];
  await bench.server.withoutPageImages(async () => {
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

/** Ten heartbeats of each row, one call each, in one bucket of a simulated clock; and the bytes of one with its commit. */
async function insideBucket(bench: Bench): Promise<Figure[]> {
  await using database = await fleetOf(bench, bench.quick ? 1000 : 2000);
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

/** The rounds take milliseconds, so they stay inside the bucket that begins now. */
function secondsToNextBucket(): number {
  return 300 - ((Date.now() / 1000) % 300);
}

/** A session reports its counts at most once a second, at the end of a statement. */
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

/** An hour of a fleet in simulated time, each row with its own cadence from ten seconds to a minute. */
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
  const many = ids.slice(0, bench.quick ? 2000 : 10_000);
  const db = database.open({ max: 1 });
  const eager = ledgerOf(db);
  const debounced = ledgerOf(db, 3_600_000);
  const nothing = async () => {};
  const contestants: Contestant[] = [
    { name: 'heartbeat', units: single.length, prepare: nothing, run: () => oneByOne(eager, single, 'stamped') },
    { name: 'heartbeatMany(100)', units: ids.length, prepare: nothing, run: () => beatAll(eager, chunksOf(ids, 100)) },
    { name: 'fresh', units: single.length, prepare: nothing, run: () => oneByOne(debounced, single, 'fresh') },
    { name: 'empty', units: single.length, prepare: nothing, run: () => emptyRoundTrips(db, single) },
    {
      name: 'heartbeat, server alone',
      units: many.length,
      prepare: nothing,
      run: () => inServer(database, many, 0.001),
    },
    {
      name: 'fresh, server alone',
      units: many.length,
      prepare: nothing,
      run: () => inServer(database, many, 3_600_000),
    },
  ];
  await database.query(BEAT_EACH);
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
    medianFigure('fresh / heartbeat', 'x', ratios(rates, 'fresh', 'heartbeat')),
    medianFigure('heartbeat, the server alone', 'a second', rates.get('heartbeat, server alone')!.perSecond, {
      note: 'called in the server, with a commit each: no client, no round trip',
    }),
    medianFigure('a fresh one, the server alone', 'a second', rates.get('fresh, server alone')!.perSecond),
    medianFigure(
      'fresh / heartbeat, the server alone',
      'x',
      ratios(rates, 'fresh, server alone', 'heartbeat, server alone'),
      { limit: { atLeast: 3 } },
    ),
  ];
}

/** The ledger's own call for each, in its own transaction. */
const BEAT_EACH = `
CREATE PROCEDURE beat_each(ids text[], debounce_ms float8) LANGUAGE plpgsql AS $$
DECLARE id text;
BEGIN
  FOREACH id IN ARRAY ids LOOP
    PERFORM delegation_heartbeat(id, debounce_ms);
    COMMIT;
  END LOOP;
END $$`;

async function inServer(database: LedgerDatabase, ids: readonly string[], debounceMs: number): Promise<void> {
  await database.query('CALL beat_each($1, $2)', [ids, debounceMs]);
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
