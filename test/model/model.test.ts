import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { interleaved, type Scenario, sequential, simultaneous } from './operation.ts';
import type { SweepBounds } from './reference-ledger.ts';
import { regressions, type Way } from './regressions.ts';
import { Disagreement, ScenarioRun } from './scenario-run.ts';
import { unsafeSweep } from './unsafe-sweeper.ts';
import { type Mutation, World, type WorldOptions } from './world.ts';

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

const scenarios = { sequential, interleaved, simultaneous };
const connectionsOf = (way: Way) => (way === 'simultaneous' ? 3 : 1);
const boundsOf = (way: Way) => (way === 'sequential' ? narrow : wide);

async function agrees(way: Way, numRuns: number, bounds = boundsOf(way)): Promise<void> {
  await using world = new World(database, { bounds, connections: connectionsOf(way) });
  const property = fc.asyncProperty(scenarios[way], async (scenario) => {
    await new ScenarioRun(world, bounds, way).play(scenario);
  });
  const examples = regressions.filter((kept) => kept.way === way).map(({ scenario }): [Scenario] => [scenario]);
  await fc.assert(property, { numRuns: numRuns * times + examples.length, examples, ...seed });
}

const CHECK_VIOLATION = '23514';

/** The first disagreement, unshrunk; undefined when there is none in many scenarios. */
async function disagreement(way: Way, mutant: Partial<WorldOptions>): Promise<string | undefined> {
  const bounds = boundsOf(way);
  await using world = new World(database, { ...mutant, bounds, connections: connectionsOf(way) });
  let mutated = mutant.mutation === undefined;
  for (const scenario of fc.sample(scenarios[way], { numRuns: 300, seed: 4711 })) {
    try {
      await new ScenarioRun(world, bounds, way, mutant.sweepWith === undefined && way !== 'sequential').play(scenario);
    } catch (err) {
      // A refusal by the database's own guard counts as detection, too.
      if (!(err instanceof Disagreement) && (err as { code?: string }).code !== CHECK_VIOLATION) throw err;
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
  test('one operation at a time: same answers, same rows, same activity', () => agrees('sequential', 60), timeoutMs);

  test(
    'one operation at a time, without a storm guard and with wide budgets',
    () => agrees('sequential', 40, wide),
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

interface Mutant extends Mutation {
  readonly name: string;
  readonly way: Way;
}

const mutants: readonly Mutant[] = [
  {
    name: 'a sweep that counts unobserved time as silence',
    way: 'sequential',
    edits: [[`FROM "sweeper_gaps"), '[]')`, `FROM "sweeper_gaps" WHERE false), '[]')`]],
  },
  {
    name: 'a storm guard that takes one dead agent for a storm',
    way: 'sequential',
    edits: [['to_json((pg_catalog.count(*))::bigint) AS "callees"', 'to_json(2) AS "callees"']],
  },
  {
    name: 'a ledger that drops late results',
    way: 'sequential',
    edits: [
      [
        `WHERE EXISTS (SELECT FROM picked p WHERE (p.status IN`,
        `WHERE false AND EXISTS (SELECT FROM picked p WHERE (p.status IN`,
      ],
    ],
  },
  {
    name: 'a ledger that drops another result of the same status',
    way: 'sequential',
    edits: [['FROM judged WHERE "lateResult"', 'FROM judged WHERE false']],
  },
  {
    name: 'an insert that forgets the unique index of the idempotency key',
    way: 'sequential',
    edits: [['ON CONFLICT DO NOTHING\n  RETURNING', 'ON CONFLICT (delegation_id) DO NOTHING\n  RETURNING']],
  },
  {
    name: 'a step to in_progress that leaves an old heartbeat',
    way: 'sequential',
    edits: [
      [
        `status = 'in_progress', updated_at = pg_catalog.clock_timestamp(), last_heartbeat = greatest(d.last_heartbeat, pg_catalog.clock_timestamp())`,
        `status = 'in_progress', updated_at = pg_catalog.clock_timestamp()`,
      ],
    ],
  },
  {
    name: 'a sweep that does not lock what it picks',
    way: 'simultaneous',
    // By its key: a row looked up by its ctid would be missed after a concurrent update moved it.
    edits: [
      ['FOR NO KEY UPDATE SKIP LOCKED', ''],
      ['d.ctid = p.place', 'd.delegation_id = p.delegation_id'],
    ],
  },
  {
    name: 'a setStatus that does not lock what it judges',
    way: 'simultaneous',
    edits: [['WHERE delegation_id = $1 FOR NO KEY UPDATE', 'WHERE delegation_id = $1']],
  },
];

describe('the model detects', () => {
  test('the sweep that selects ids and then updates them, which ignores heartbeats and which nothing else detects', async () => {
    expect(await disagreement('interleaved', { sweepWith: unsafeSweep })).toContain(
      'stuck although its heartbeat was accepted',
    );
  });

  test.each(mutants)('$name', async ({ way, ...mutation }) => {
    expect(await disagreement(way, { mutation })).toBeDefined();
  });
});
