import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Mutant, mutants, type SetupName } from './mutants.ts';
import { MutatedFunctions } from './mutation.ts';
import { interleaved, plainSequential, type Scenario, sequential, simultaneous } from './operation.ts';
import type { SweepBounds } from './reference-sweep.ts';
import { regressions, type Way } from './regressions.ts';
import { Disagreement, ScenarioRun } from './scenario-run.ts';
import { unsafeSweep } from './unsafe-sweeper.ts';
import { World, type WorldOptions } from './world.ts';

/** MODEL_RUNS=20 for twenty times as many scenarios, MODEL_SEED=n to run those of a seed again. */
const times = Number(process.env.MODEL_RUNS || 1);
const timeoutMs = 120_000 * times;
const seed = process.env.MODEL_SEED ? { seed: Number(process.env.MODEL_SEED) } : {};

/** Small, so that six rows are enough for budgets, batches and storms. */
const narrow: SweepBounds = { batchRowsMax: 2, rowsMax: 3, stormMinStale: 3, stormRatio: 0.5 };
const wide: SweepBounds = { batchRowsMax: 2, rowsMax: 100, stormMinStale: 1, stormRatio: 0 };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => database[Symbol.asyncDispose]());

interface Setup {
  readonly way: Way;
  readonly bounds: SweepBounds;
  readonly scenarios: fc.Arbitrary<Scenario>;
}

const setups = {
  /** With the storm guard, whose model knows no waits and no limits of a delegation's own. */
  plain: { way: 'sequential', bounds: narrow, scenarios: plainSequential },
  sequential: { way: 'sequential', bounds: wide, scenarios: sequential },
  interleaved: { way: 'interleaved', bounds: wide, scenarios: interleaved },
  simultaneous: { way: 'simultaneous', bounds: wide, scenarios: simultaneous },
} as const satisfies Record<SetupName, Setup>;

function worldOf({ way, bounds }: Setup, mutant: Partial<WorldOptions> = {}): World {
  return new World(database, { ...mutant, bounds, connections: way === 'simultaneous' ? 3 : 1 });
}

async function agrees(name: SetupName, numRuns: number): Promise<void> {
  const { way, bounds, scenarios }: Setup = setups[name];
  await using world = worldOf(setups[name]);
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    await new ScenarioRun(world, bounds, way).play(scenario);
  });
  const examples = regressions.filter((kept) => kept.way === way).map(({ scenario }): [Scenario] => [scenario]);
  await fc.assert(property, { numRuns: numRuns * times + examples.length, examples, ...seed });
}

/** SQLSTATEs of integrity: a refusal by the database counts as detection, too. */
const INTEGRITY = '23';

/** The first disagreement, unshrunk; undefined when there is none in many scenarios. */
async function disagreement(
  name: SetupName,
  mutant: Partial<WorldOptions> & Pick<Mutant, 'witness'>,
): Promise<string | undefined> {
  const { way, bounds, scenarios }: Setup = setups[name];
  await using world = worldOf(setups[name], mutant);
  const { mutation } = mutant;
  await using stored = mutation === undefined ? undefined : await MutatedFunctions.install(database, mutation);
  let mutated = mutation === undefined || stored!.count > 0;
  const pinned = regressions.filter((kept) => kept.way === way).map((kept) => kept.scenario);
  const first = mutant.witness === undefined ? pinned : [mutant.witness];
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

describe('the ledger and the sweep do what the model does', () => {
  test('one operation at a time: same answers, same rows, same activity', () => agrees('plain', 60), timeoutMs);

  test(
    'one operation at a time, with waits, own thresholds and progress, without a storm guard and with wide budgets',
    () => agrees('sequential', 60),
    timeoutMs,
  );

  test(
    'with the statements of three sessions interleaved singly, some order explains all answers',
    () => agrees('interleaved', 80),
    timeoutMs,
  );

  test(
    'with three sessions at once, some holding their locks, some order explains all answers',
    () => agrees('simultaneous', 80),
    timeoutMs,
  );
});

describe('the model detects', () => {
  test('the sweep that selects ids and then updates them, which ignores heartbeats and which nothing else detects', async () => {
    expect(await disagreement('interleaved', { sweepWith: unsafeSweep })).toContain(
      'stuck although its heartbeat was accepted',
    );
  });

  test.each(mutants)(
    '$name',
    async ({ setup, witness, ...mutation }) => {
      expect(await disagreement(setup, { mutation, ...(witness && { witness }) })).toBeDefined();
    },
    timeoutMs,
  );
});
