import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { acts, simulate } from './clock-simulation.ts';
import { ClockWorld } from './clock-world.ts';

const RUNS = 15;

const undo = new AsyncDisposableStack();
let world: ClockWorld;
beforeAll(async () => {
  world = await ClockWorld.start(undo);
});
afterAll(() => undo.disposeAsync());

test(`however the clock is set: no delegation heard within its threshold is marked, and each silent one is in the end (${RUNS} runs)`, async () => {
  const runs = fc.asyncProperty(acts, (list) => simulate(world, list));
  await expect(fc.assert(runs, { numRuns: RUNS, endOnFailure: true })).resolves.toBeUndefined();
});
