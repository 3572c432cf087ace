import { test } from '@jest/globals';
import fc from 'fast-check';
import { createTestDatabase } from '../support/database.ts';
import { interleaved, sequential, simultaneous } from './operation.ts';
import type { SweepBounds } from './reference-sweep.ts';
import type { Way } from './regressions.ts';
import { ScenarioRun } from './scenario-run.ts';
import { World } from './world.ts';

const wide: SweepBounds = { batchRowsMax: 2, rowsMax: 100, stormMinStale: 1, stormRatio: 0 };
test('debug', async () => {
  const database = await createTestDatabase();
  const way = (process.env.WAY ?? 'sequential') as Way;
  const arb = { sequential, interleaved, simultaneous }[way];
  const world = new World(database, { bounds: wide, connections: way === 'simultaneous' ? 3 : 1 });
  const found = new Map<string, string>();
  const started = Date.now();
  let n = 0;
  for (const scenario of fc.sample(arb, {
    numRuns: Number(process.env.N ?? 100),
    seed: Number(process.env.SEED ?? 1),
  })) {
    if (Date.now() - started > 90_000) break;
    n += 1;
    try {
      await new ScenarioRun(world, wide, way).play(scenario);
    } catch (err) {
      const text = (err as Error).message;
      const key = text.slice(0, 60);
      if (!found.has(key)) found.set(key, text + '\n' + JSON.stringify(scenario).slice(0, 1500));
      if (found.size >= Number(process.env.MAX ?? 2)) break;
    }
  }
  console.log(`${n} scenarios\n` + [...found.values()].join('\n\n======\n'));
  await world[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
}, 200_000);
