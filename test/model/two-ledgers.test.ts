import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { installSchemas } from '../../src/compose/install.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { story } from './mutant.ts';
import { MutatedFunctions, type Mutation } from './mutation.ts';
import type { Operation, Scenario } from './operation.ts';
import { Disagreement, ScenarioRun } from './scenario-run.ts';
import { SessionPools } from './session-pools.ts';
import { setups, timeoutMs, times, worldOf } from './setups.ts';

const SECOND = 'team_a';
const { bounds, way, scenarios } = setups.sequential;

let database: TestDatabase;
let pools: SessionPools;
beforeAll(async () => {
  database = await createTestDatabase();
  pools = new SessionPools(database);
  await installSchemas({ location: { url: database.url }, dbSchema: SECOND, pgbossSchema: 'pgboss' });
});
afterAll(async () => {
  await pools[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

/** The sessions of both have the first ledger's schema on their search path. `picks`: whose next step comes first. */
async function playBoth(two: readonly [Scenario, Scenario], picks: readonly boolean[], mutation?: Mutation) {
  await using first = worldOf(pools, setups.sequential);
  await using second = worldOf(pools, setups.sequential, { schema: SECOND, ...(mutation && { mutation }) });
  await using stored = mutation && (await MutatedFunctions.install(database, mutation, SECOND));
  const runs = [new ScenarioRun(first, bounds, way), new ScenarioRun(second, bounds, way)] as const;
  await runs[0].begin(two[0]);
  await runs[1].begin(two[1]);
  await runs[0].isUntouched();
  const steps = two.map((scenario) => [...scenario.steps]);
  for (let turn = 0; steps[0]!.length + steps[1]!.length > 0; turn += 1) {
    const wanted = picks[turn % picks.length] ? 1 : 0;
    const mover = steps[wanted]!.length > 0 ? wanted : 1 - wanted;
    await runs[mover]!.step(steps[mover]!.shift()!);
    await runs[1 - mover]!.isUntouched();
  }
  for (const run of runs) await run.end();
  return second.mutated + (stored?.count ?? 0);
}

const sweep: Operation = { op: 'sweep', force: false };
const pass = (ticks: number, observed = true): Operation => ({ op: 'advance', ticks, observed });

describe('two ledgers in one database, with the same ids and callers', () => {
  test(
    'each does what its own model does, and nothing to the other',
    async () => {
      const picks = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
      const property = fc.asyncProperty(fc.tuple(scenarios, scenarios), picks, async (two, turns) => {
        await playBoth(two, turns);
      });
      await fc.assert(property, { numRuns: 10 * times });
    },
    timeoutMs,
  );

  const mutants: readonly (Mutation & { readonly name: string; readonly two: readonly [Scenario, Scenario] })[] = [
    {
      name: 'a sweep that counts the gaps of the other ledger',
      two: [
        story('in_progress', { op: 'beat' }, pass(8, false), { op: 'beat' }),
        story('in_progress', { op: 'beat' }, pass(12), sweep),
      ],
      edits: [[`"${SECOND}"."sweeper_gaps"`, '"sweeper_gaps"']],
    },
    {
      name: 'a sweep that obeys the hold of the other ledger',
      two: [story('in_progress', { op: 'hold', ticks: 20 }), story('in_progress', pass(12), sweep)],
      edits: [[`"${SECOND}"."sweeper_holds"`, '"sweeper_holds"']],
    },
    {
      name: 'functions that find the tables of the other ledger',
      two: [story('queued'), story('queued', { op: 'heartbeat', id: 'd0', progress: null })],
      edits: [[`'pg_catalog, ' ||`, `'pg_catalog, public, ' ||`]],
    },
  ];

  test.each(mutants)('the model detects $name', async ({ two, edits }) => {
    // All steps of the first come before those of the second.
    expect(await playBoth(two, [false], undefined)).toBe(0);
    await expect(playBoth(two, [false], { edits })).rejects.toThrow(Disagreement);
  });
});
