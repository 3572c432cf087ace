import { expect, test } from '@jest/globals';
import { Stillness } from '../../../src/sweeper/on-time/stillness.ts';
import { FakeTime } from '../../support/fake-time.ts';

const reading = (drawn: string | null, runningFrom: number) => ({ drawn, runningFrom: BigInt(runningFrom) });

/** After a reading in which the number was another, a transaction is begun, and all before it end. */
function settle(stillness: Stillness, drawn = '7'): object {
  stillness.take(reading(drawn, 1));
  stillness.mark(5n);
  stillness.take(reading(drawn, 6));
  return stillness.settled!;
}
const never = new AbortController().signal;

test('it is settled once all transactions have ended that had begun when the number was read', () => {
  const stillness = new Stillness();
  expect(stillness.needsMark).toBe(false);
  // 10 runs, and has drawn 7.
  stillness.take(reading('7', 10));
  expect(stillness.needsMark).toBe(true);
  stillness.take(reading('7', 11));
  expect(stillness.settled).toBeNull();
  stillness.mark(12n);
  for (const runningFrom of [10, 12]) {
    stillness.take(reading('7', runningFrom));
    expect({ needsMark: stillness.needsMark, settled: stillness.settled }).toEqual({ needsMark: false, settled: null });
  }
  stillness.take(reading('7', 13));
  expect(stillness.settled).not.toBeNull();
});

test.each<[string, ReturnType<typeof reading> | null]>([
  ['a number is drawn', reading('8', 6)],
  ['it is drawn lower than before, as by a restored database', reading('6', 6)],
  ['it cannot be read', reading(null, 6)],
  ['nothing can be read', null],
])('who rests is woken when %s', async (_, next) => {
  const stillness = new Stillness();
  const rested = stillness.rest(settle(stillness), never);
  stillness.take(reading('7', 6));
  expect(stillness.isResting).toBe(true);
  stillness.take(next);
  await rested;
  expect(stillness).toMatchObject({ isResting: false, settled: null });
});

test('nobody rests by what was settled before something began, although it is settled again', async () => {
  const stillness = new Stillness();
  const settled = settle(stillness);
  settle(stillness, '8');
  await stillness.rest(settled, never);
  expect(stillness.settled).not.toBe(settled);
  expect(stillness.isResting).toBe(false);
});

test('who rests is woken after a while in any case, unless sweeps find nothing open meanwhile: rows may come without an activity', async () => {
  const time = new FakeTime();
  const stillness = new Stillness(time);
  const rested = stillness.rest(settle(stillness), never);
  for (let minute = 0; minute < 5; minute += 1) {
    time.shift(60_000);
    stillness.foundEmpty();
    stillness.take(reading('7', 6));
  }
  expect(stillness.isResting).toBe(true);
  time.shift(90_000);
  stillness.take(reading('7', 6));
  await rested;
  // A look decides: nothing was seen to begin.
  expect(stillness.settled).not.toBeNull();
});

test('a rest ends with its signal', async () => {
  const stillness = new Stillness();
  const aborter = new AbortController();
  const rested = stillness.rest(settle(stillness), aborter.signal);
  aborter.abort();
  await expect(rested).rejects.toThrow();
  expect(stillness.isResting).toBe(false);
});
