import { BatchTimes } from '../batch-times.ts';
import type { Bench } from '../bench.ts';
import { insertFleet, keepSeed, reseed } from '../data.ts';
import { type Findings, median, medianFigure } from '../figure.ts';
import { LogFile } from '../sink.ts';
import { sweepOnce } from '../sweeping.ts';

const ROUNDS = 5;

/** Whether a sweep slows down because of the dead entries that it leaves; and how long a batch holds its locks. */
export async function driftScenario(bench: Bench): Promise<Findings> {
  const rows = bench.quick ? 32_000 : 200_000;
  await using database = await bench.template.copy();
  using sink = new LogFile();
  await insertFleet(database, { rows, silentFromSeconds: 660, silentToSeconds: 4260 });
  await keepSeed(database);
  const drift = { free: [] as number[], held: [] as number[] };
  const held: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of ['free', 'held'] as const) {
      await reseed(database);
      const other = await database.pool.connect();
      try {
        if (kind === 'held') {
          await other.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
          await other.query('SELECT count(*) FROM pg_class');
        }
        const batches = new BatchTimes(database);
        await sweepOnce(batches.db, sink.log);
        drift[kind].push(batches.drift);
        held.push(median(batches.ms));
      } finally {
        await other.query('ROLLBACK');
        other.release();
      }
    }
  }
  return {
    figures: [
      medianFigure('last eighth of the batches / first', 'x', drift.free, { limit: { atMost: 1.3 } }),
      medianFigure('the same with an old snapshot open', 'x', drift.held, { limit: { atMost: 1.3 } }),
      medianFigure('a batch of 1000 holds its locks for', 'ms', held, { limit: { atMost: 100 } }),
    ],
  };
}
