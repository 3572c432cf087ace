import { expect, test } from '@jest/globals';
import { Round } from '../../../src/sweeper/rounds/round.ts';

const failing = () => Promise.reject(new Error('alone'));

test('what is asked at once goes out in one statement, in the order of the ledgers, and each has its own answer', async () => {
  const sent: (readonly string[])[] = [];
  const round = new Round<number, number>(async (ledgers, asked) => {
    sent.push(ledgers);
    return asked.map((value) => value * 10);
  });
  const answers = await Promise.all([
    round.ask('b', 2, failing),
    round.ask('c', 3, failing),
    round.ask('a', 1, failing),
  ]);
  expect({ sent, answers }).toEqual({ sent: [['a', 'b', 'c']], answers: [20, 30, 10] });
});

test('a statement that fails is followed by one for each; a ledger that fails by itself stays out until it answers', async () => {
  const sent: (readonly string[])[] = [];
  let isLocked = true;
  const round = new Round<null, string>(async (ledgers) => {
    sent.push(ledgers);
    if (isLocked && ledgers.includes('locked')) throw new Error('lock timeout');
    return ledgers.map((ledger) => `${ledger} together`);
  });
  const ask = async () =>
    (
      await Promise.allSettled([
        round.ask('a', null, async () => 'a alone'),
        round.ask('b', null, async () => 'b alone'),
        round.ask('locked', null, () => (isLocked ? failing() : Promise.resolve('locked alone'))),
      ])
    ).map((result) => (result.status === 'fulfilled' ? result.value : 'failed'));
  expect(await ask()).toEqual(['a alone', 'b alone', 'failed']);
  expect(await ask()).toEqual(['a together', 'b together', 'failed']);
  isLocked = false;
  expect(await ask()).toEqual(['a together', 'b together', 'locked alone']);
  expect(await ask()).toEqual(['a together', 'b together', 'locked together']);
  expect(sent).toEqual([
    ['a', 'b', 'locked'],
    ['a', 'b'],
    ['a', 'b'],
    ['a', 'b', 'locked'],
  ]);
});

test('one that hangs by itself delays no other', async () => {
  const round = new Round<null, string>(async (ledgers) => {
    if (ledgers.includes('hung')) throw new Error('lock timeout');
    return ledgers.map(() => 'together');
  });
  void round.ask('hung', null, () => new Promise(() => {}));
  expect(await round.ask('a', null, async () => 'alone')).toBe('alone');
  void round.ask('hung', null, () => new Promise(() => {}));
  const both = [round.ask('a', null, failing), round.ask('b', null, failing)];
  expect(await Promise.all(both)).toEqual(['together', 'together']);
});

test('a database that is away is told to each, though it would answer the next time: the time was unobserved', async () => {
  let isAway = true;
  const round = new Round<null, string>(async (ledgers) => {
    if (isAway) throw Object.assign(new Error('terminating connection'), { code: '57P01' });
    return ledgers.map(() => 'together');
  });
  const ask = () => Promise.allSettled(['a', 'b'].map((ledger) => round.ask(ledger, null, async () => 'alone')));
  const told = { status: 'rejected', reason: expect.objectContaining({ code: '57P01' }) };
  expect(await ask()).toEqual([told, told]);
  isAway = false;
  expect(await ask()).toEqual(['a', 'b'].map(() => ({ status: 'fulfilled', value: 'alone' })));
  expect(await ask()).toEqual(['a', 'b'].map(() => ({ status: 'fulfilled', value: 'together' })));
});
