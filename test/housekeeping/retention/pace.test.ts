import { expect, test } from '@jest/globals';
import { Pace } from '../../../src/housekeeping/retention/pace.ts';

test('it rests three times as long as the work took, a second at most, and not at all once it is to stop', async () => {
  let nowMs = 0;
  const rests: number[] = [];
  const pace = new Pace({
    now: () => nowMs,
    sleep: async (ms, signal) => {
      rests.push(ms);
      signal.throwIfAborted();
    },
  });
  const work = (ms: number) => async () => {
    nowMs += ms;
  };
  const stop = new AbortController();
  await pace.of(10, stop.signal, work(30));
  await pace.of(10, stop.signal, work(5_000));
  stop.abort();
  await pace.of(10, stop.signal, work(20));
  expect(rests).toEqual([90, 1000, 60]);
});
