import { expect, test } from '@jest/globals';
import { Undo } from '../../src/lifecycle/undo.ts';

function recording() {
  const done: string[] = [];
  const step = (name: string) => async () => {
    done.push(name);
  };
  const failing = (name: string) => async () => {
    done.push(name);
    throw new Error(name);
  };
  return { done, step, failing };
}

test('undoes the last first, once, each awaited', async () => {
  const { done, step } = recording();
  const undo = new Undo();
  undo.defer(step('first'));
  undo.use({ [Symbol.asyncDispose]: step('second') });
  await undo[Symbol.asyncDispose]();
  await undo[Symbol.asyncDispose]();
  expect(done).toEqual(['second', 'first']);
});

test('a step that fails stops none of the others', async () => {
  const { done, step, failing } = recording();
  const undo = new Undo();
  undo.defer(step('first'));
  undo.defer(failing('second'));
  await expect(undo[Symbol.asyncDispose]()).rejects.toThrow('second');
  expect(done).toEqual(['second', 'first']);
  undo.defer(failing('third'));
  undo.defer(failing('fourth'));
  await expect(undo[Symbol.asyncDispose]()).rejects.toBeInstanceOf(AggregateError);
});

test('what was moved is not undone here, but there', async () => {
  const { done, step } = recording();
  const undo = new Undo();
  undo.defer(step('first'));
  const moved = undo.move();
  await undo[Symbol.asyncDispose]();
  expect(done).toEqual([]);
  await moved[Symbol.asyncDispose]();
  expect(done).toEqual(['first']);
});
