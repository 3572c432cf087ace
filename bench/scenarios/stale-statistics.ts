import { BatchTimes } from '../batch-times.ts';
import type { Bench } from '../bench.ts';
import { insertFinished, insertFleet } from '../data.ts';
import { type Findings, median, medianFigure } from '../figure.ts';
import { LogFile } from '../sink.ts';
import { sweepOnce } from '../sweeping.ts';

const ROUNDS = 5;

/**
 * The planner assumes that nothing is in progress: the statistics are from a time when nothing was, and autovacuum, which
 * would renew them, is off here. Compared with the same rows after ANALYZE.
 */
export async function staleStatisticsScenario(bench: Bench): Promise<Findings> {
  const finished = bench.quick ? 100_000 : 1_000_000;
  const stale = bench.quick ? 10_000 : 50_000;
  await using database = await bench.template.copy();
  using sink = new LogFile();
  await database.query('ALTER TABLE delegations SET (autovacuum_enabled = off)');
  await database.query('ALTER TABLE activity_logs SET (autovacuum_enabled = off)');
  await insertFinished(database, finished);
  const times = { stale: [] as number[], fresh: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of round % 2 ? (['fresh', 'stale'] as const) : (['stale', 'fresh'] as const)) {
      await database.query(`DELETE FROM delegations WHERE status <> 'completed'`);
      await database.query('VACUUM (ANALYZE) delegations');
      await insertFleet(database, { rows: stale, silentFromSeconds: 660, silentToSeconds: 4260 });
      if (kind === 'fresh') await database.query('ANALYZE delegations');
      const batches = new BatchTimes(database);
      await sweepOnce(batches.db, sink.log);
      times[kind].push(median(batches.ms));
    }
  }
  return {
    figures: [
      medianFigure('a batch of 1000, fresh statistics', 'ms', times.fresh),
      medianFigure('a batch of 1000, statistics of when nothing was in progress', 'ms', times.stale),
      medianFigure(
        'stale / fresh statistics',
        'x',
        times.stale.map((ms, round) => ms / times.fresh[round]!),
        { limit: { atMost: 2 } },
      ),
    ],
  };
}
