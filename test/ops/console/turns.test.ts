import { describe, expect, test } from '@jest/globals';
import { NoAnswer } from '../../../src/ops/answer-within.ts';
import { Busy, Turns } from '../../../src/ops/console/turns.ts';

/** Readings that end when they are told to. */
function readings() {
  const begun: PromiseWithResolvers<string>[] = [];
  const read = () => {
    const reading = Promise.withResolvers<string>();
    begun.push(reading);
    return reading.promise;
  };
  return { begun, read };
}

/** Until everything that was resolved has had its effect. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  test('run so many at once, and the next one when one of them ends, in order', async () => {
    const turns = new Turns({ runningMax: 2, waitingMax: 10, answerWithinMs: 60_000 });
    const { begun, read } = readings();
    const answers = [1, 2, 3, 4].map(() => turns.take(read));
    await settled();
    expect(begun).toHaveLength(2);
    begun[1]!.resolve('second');
    await expect(answers[1]).resolves.toBe('second');
    await settled();
    expect(begun).toHaveLength(3);
    begun[0]!.reject(new Error('broken'));
    await expect(answers[0]).rejects.toThrow('broken');
    await settled();
    expect(begun).toHaveLength(4);
    begun[2]!.resolve('third');
    begun[3]!.resolve('fourth');
    await expect(Promise.all(answers.slice(2))).resolves.toEqual(['third', 'fourth']);
  });

  test('refuse at once who would wait behind too many', async () => {
    const turns = new Turns({ runningMax: 1, waitingMax: 1, answerWithinMs: 60_000 });
    const { begun, read } = readings();
    const [first, second] = [turns.take(read), turns.take(read)];
    await expect(turns.take(read)).rejects.toThrow(Busy);
    begun[0]!.resolve('');
    await first;
    await settled();
    begun[1]!.resolve('');
    await second;
    expect(begun).toHaveLength(2);
  });

  test('answer in time, though the reading does not end; it keeps its turn until it does', async () => {
    const turns = new Turns({ runningMax: 1, waitingMax: 5, answerWithinMs: 20 });
    const { begun, read } = readings();
    await expect(turns.take(read)).rejects.toThrow(new NoAnswer(20));
    // Its turn does not come, and it is never read.
    await expect(turns.take(read)).rejects.toThrow(new NoAnswer(20));
    expect(begun).toHaveLength(1);
    begun[0]!.reject(new Error('nobody waits for this'));
    await settled();
    const next = turns.take(read);
    await settled();
    begun[1]!.resolve('read');
    await expect(next).resolves.toBe('read');
  });
});
