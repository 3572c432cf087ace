import { afterAll, beforeAll, test } from '@jest/globals';
import fc from 'fast-check';
import { ScenarioRun } from '../model/scenario-run.ts';
import { SessionPools } from '../model/session-pools.ts';
import { type Setup, setups, times, worldOf } from '../model/setups.ts';
import type { Queryable } from '../support/wait-for.ts';
import { storeOf, useCitusLedger } from './citus-ledger.ts';

const ledger = useCitusLedger();
let store: Queryable & AsyncDisposable;
let pools: SessionPools;
beforeAll(() => {
  store = storeOf(ledger);
  const url = new URL(ledger.url);
  url.searchParams.set('options', `-c search_path=${ledger.schema}`);
  pools = new SessionPools({ url: url.href, query: ledger.query as never });
});
afterAll(async () => {
  await pools[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

test.each<[keyof typeof setups, number]>([
  ['plain', 15],
  ['sequential', 15],
  ['interleaved', 15],
  ['simultaneous', 15],
])('the ledger and the sweep do on a node what the model does: %s', async (name, numRuns) => {
  const { bounds, way, scenarios }: Setup = setups[name];
  const node = { store, shards: ledger.shards };
  await using world = worldOf(pools, setups[name], { schema: ledger.schema, node });
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    await new ScenarioRun(world, bounds, way).play(scenario);
  });
  await fc.assert(property, { numRuns: numRuns * times });
});
