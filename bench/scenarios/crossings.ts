import type { Bench } from '../bench.ts';
import { BufferMeter } from '../buffers.ts';
import { insertFinished, insertFleet, settle } from '../data.ts';
import type { Findings } from '../figure.ts';
import { beatAll, chunksOf, idsInProgress, ledgerOf } from '../heartbeating.ts';
import { SimulatedClock, sessionAhead } from '../simulated-clock.ts';
import { sweepOnce } from '../sweeping.ts';

const SECONDS = 3600;

/**
 * An idle sweep after an hour of a fleet that is on few of the table's pages, vacuumed once a minute. By default
 * (`vacuum_index_cleanup = auto`) vacuum skips the indexes of such a table, and the sweep reads the dead entries of every
 * earlier bucket; the ledger's table has it on.
 */
export async function crossingsScenario(bench: Bench): Promise<Findings> {
  const ours = await afterAnHour(bench, null);
  const auto = await afterAnHour(bench, 'auto');
  return {
    figures: [
      {
        what: 'idle after an hour of heartbeats, a fleet on 1 % of the pages',
        unit: 'buffers',
        value: ours,
        limit: { atMost: 200 },
      },
      { what: 'the same with vacuum_index_cleanup = auto', unit: 'buffers', value: auto },
    ],
  };
}

async function afterAnHour({ template, quick }: Bench, indexCleanup: 'auto' | null): Promise<number> {
  await using database = await template.copy();
  const fleet = quick ? 2_000 : 10_000;
  await insertFinished(database, fleet * 100);
  await insertFleet(database, { rows: fleet, silentFromSeconds: 0, silentToSeconds: 5 });
  await settle(database);
  // Once a simulated minute, by hand: autovacuum uses the real clock.
  await database.query('ALTER TABLE delegations SET (autovacuum_enabled = off)');
  if (indexCleanup) await database.query(`ALTER TABLE delegations SET (vacuum_index_cleanup = ${indexCleanup})`);
  const clock = await SimulatedClock.open(database);
  const ledger = ledgerOf(clock.db);
  const calls = chunksOf(await idsInProgress(database), 1000);
  for (let second = 60; second <= SECONDS; second += 60) {
    await clock.set(second);
    await beatAll(ledger, calls);
    await database.query('VACUUM delegations');
  }
  const meter = new BufferMeter(database.url, sessionAhead(SECONDS));
  try {
    await meter.measure(() => sweepOnce(meter.db, { emit() {} }));
    return await meter.measure(() => sweepOnce(meter.db, { emit() {} }));
  } finally {
    await meter.db.destroy();
  }
}
