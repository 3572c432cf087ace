import type { Bench } from '../bench.ts';
import { Daemon } from '../daemon.ts';
import { type Findings, medianFigure } from '../figure.ts';

/** From the process's start to the end of its first sweep, with the database available, its schema current, no sweep due. */
export async function startupScenario({ template }: Bench): Promise<Findings> {
  await using database = await template.copy();
  const samples: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    // A dead replica's job must not affect it.
    await database.query('TRUNCATE pgboss.job');
    await using daemon = await Daemon.start(database.url);
    samples.push(await daemon.swept);
  }
  return { figures: [medianFigure('start to first sweep done', 'ms', samples, { limit: { atMost: 1000 } })] };
}
