import { expect, test } from '@jest/globals';
import { Stillness } from '../../../src/sweeper/on-time/stillness.ts';

const reading = (drawn: string | null, runningFrom: number, runningTo: number) => ({
  drawn,
  runningFrom: BigInt(runningFrom),
  runningTo: BigInt(runningTo),
});
const never = new AbortController().signal;

test('it is settled once all transactions have ended that may have drawn a number', () => {
  const stillness = new Stillness();
  // 10 runs, and has drawn 7; the first reading alone cannot tell whether one that began after its snapshot has drawn it.
  stillness.take(reading('7', 10, 11));
  stillness.take(reading('7', 10, 13));
  expect(stillness.settled).toBeNull();
  // 10 has ended, 12 had begun by the second reading.
  stillness.take(reading('7', 12, 14));
  expect(stillness.settled).toBeNull();
  stillness.take(reading('7', 13, 14));
  expect(stillness.settled).not.toBeNull();
});

test.each<[string, ReturnType<typeof reading> | null]>([
  ['a number is drawn', reading('8', 1, 1)],
  ['it is drawn lower than before, as by a restored database', reading('6', 1, 1)],
  ['it cannot be read', reading(null, 1, 1)],
  ['nothing can be read', null],
])('who rests is woken when %s', async (_, next) => {
  const stillness = new Stillness();
  for (let n = 0; n < 3; n += 1) stillness.take(reading('7', 1, 1));
  const rested = stillness.rest(stillness.settled!, never);
  stillness.take(reading('7', 1, 1));
  expect(stillness.isResting).toBe(true);
  stillness.take(next);
  await rested;
  expect(stillness).toMatchObject({ isResting: false, settled: null });
});

test('nobody rests by what was settled before something began, although it is settled again', async () => {
  const stillness = new Stillness();
  for (let n = 0; n < 3; n += 1) stillness.take(reading('7', 1, 1));
  const settled = stillness.settled!;
  for (let n = 0; n < 3; n += 1) stillness.take(reading('8', 1, 1));
  await stillness.rest(settled, never);
  expect(stillness.settled).not.toBe(settled);
  expect(stillness.isResting).toBe(false);
});

test('a rest ends with its signal', async () => {
  const stillness = new Stillness();
  for (let n = 0; n < 3; n += 1) stillness.take(reading('7', 1, 1));
  const aborter = new AbortController();
  const rested = stillness.rest(stillness.settled!, aborter.signal);
  aborter.abort();
  await expect(rested).rejects.toThrow();
  expect(stillness.isResting).toBe(false);
});
