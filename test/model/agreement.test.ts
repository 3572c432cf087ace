import { afterAll, beforeAll, describe, test } from '@jest/globals';
import fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import type { SetupName } from './mutant.ts';
import type { Scenario } from './operation.ts';
import { regressions } from './regressions.ts';
import { ScenarioRun } from './scenario-run.ts';
import { SessionPools } from './session-pools.ts';
import { type Setup, setups, timeoutMs, times, worldOf } from './setups.ts';

/** MODEL_SEED=n to run the scenarios of a seed again. */
const seed = process.env.MODEL_SEED ? { seed: Number(process.env.MODEL_SEED) } : {};

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

async function agrees(name: SetupName, numRuns: number): Promise<void> {
  const { way, bounds, scenarios }: Setup = setups[name];
  await using world = worldOf(pools, setups[name]);
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    await new ScenarioRun(world, bounds, way).play(scenario);
  });
  const examples = regressions.filter((kept) => kept.way === way).map(({ scenario }): [Scenario] => [scenario]);
  await fc.assert(property, { numRuns: numRuns * times + examples.length, examples, ...seed });
}

describe('the ledger and the sweep do what the model does', () => {
  test('one operation at a time: same answers, same rows, same activity', () => agrees('plain', 60), timeoutMs);

  test(
    'one operation at a time, with storms among delegations that have thresholds of their own',
    () => agrees('own', 60),
    timeoutMs,
  );

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
