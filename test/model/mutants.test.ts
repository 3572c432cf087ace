import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import type { Mutant, SetupName } from './mutant.ts';
import { mutants } from './mutants.ts';
import { MutatedFunctions } from './mutation.ts';
import { regressions } from './regressions.ts';
import { Disagreement, ScenarioRun } from './scenario-run.ts';
import { SessionPools } from './session-pools.ts';
import { type Setup, setups, timeoutMs, worldOf } from './setups.ts';
import { unsafeSweep } from './unsafe-sweeper.ts';
import type { WorldOptions } from './world.ts';

let database: TestDatabase;
let pools: SessionPools;
beforeAll(async () => {
  database = await createTestDatabase();
  pools = new SessionPools(database);
});
afterAll(async () => {
  await pools[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

/** SQLSTATEs of integrity: a refusal by the database counts as detection, too. */
const INTEGRITY = '23';

/** The first disagreement, unshrunk; undefined when there is none in many scenarios. */
async function disagreement(
  name: SetupName,
  { witness, ...mutant }: Partial<WorldOptions> & Pick<Mutant, 'witness'>,
): Promise<string | undefined> {
  const { way, scenarios, ...setup }: Setup = setups[name];
  // Another sweep than the product's tries nothing again.
  const bounds = mutant.sweepWith === undefined ? setup.bounds : { ...setup.bounds, retriesMax: 0 };
  await using world = worldOf(pools, { ...setups[name], bounds }, mutant);
  const { mutation } = mutant;
  await using stored = mutation === undefined ? undefined : await MutatedFunctions.install(database, mutation);
  let mutated = stored === undefined || stored.count > 0;
  const pinned = regressions.filter((kept) => kept.way === way).map((kept) => kept.scenario);
  const first = witness === undefined ? pinned : [witness];
  for (const scenario of [...first, ...fc.sample(scenarios, { numRuns: 300, seed: 4711 })]) {
    try {
      await new ScenarioRun(world, bounds, way, mutant.sweepWith === undefined && way !== 'sequential').play(scenario);
    } catch (err) {
      const { code = '' } = err as { code?: string };
      if (!(err instanceof Disagreement) && !code.startsWith(INTEGRITY)) throw err;
      return (err as Error).message;
    } finally {
      // Otherwise the product's SQL has changed, and the mutation has no effect.
      mutated ||= world.mutated > 0;
    }
  }
  expect(mutated).toBe(true);
  return undefined;
}

describe('the model detects', () => {
  test('the sweep that selects ids and then updates them, which ignores heartbeats and which nothing else detects', async () => {
    expect(await disagreement('interleaved', { sweepWith: unsafeSweep })).toContain(
      'stuck although its heartbeat was accepted',
    );
  });

  test.each(mutants)(
    '$name',
    async ({ setup, witness, storm, edits }) => {
      const changed = { ...(edits && { mutation: { edits } }), ...(storm && { storm }) };
      expect(await disagreement(setup, { ...changed, ...(witness && { witness }) })).toBeDefined();
    },
    timeoutMs,
  );

  test(
    'and finds nothing with the scenarios that show them, where nothing is changed',
    async () => {
      for (const { name, setup, witness } of mutants) {
        if (witness === undefined) continue;
        const { way, bounds }: Setup = setups[setup];
        await using world = worldOf(pools, setups[setup]);
        const played = new ScenarioRun(world, bounds, way, way !== 'sequential').play(witness);
        await expect(played.then(() => name)).resolves.toBe(name);
      }
    },
    timeoutMs,
  );
});
