import { expect, test } from '@jest/globals';
import { Turn } from '../../../src/sweeper/rounds/turn.ts';

test('one runs after the other, also after one that failed', async () => {
  const turn = new Turn();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turn.take(async () => {
    order.push('first begins');
    await gate.promise;
    order.push('first ends');
    throw new Error('failed');
  });
  const second = turn.take(async () => {
    order.push('second');
  });
  gate.resolve();
  await expect(first).rejects.toThrow('failed');
  await second;
  expect(order).toEqual(['first begins', 'first ends', 'second']);
});

test('one that hangs does not hold up the next', async () => {
  const turn = new Turn();
  void turn.take(() => new Promise(() => {}));
  expect(await turn.take(async () => 'done')).toBe('done');
});
