import { expect, test } from '@jest/globals';
import { Round } from '../../../src/sweeper/rounds/round.ts';
import { FakeTime } from '../../support/fake-time.ts';

const quickly = <Answer>(answers: readonly Answer[]) => ({ answers, tookMs: 1 });
const failing = () => Promise.reject(new Error('alone'));

test('what is asked at once goes out in one statement, in the order of the ledgers, and each has its own answer', async () => {
  const sent: (readonly string[])[] = [];
  const round = new Round<number, number>(async (ledgers, asked) => {
    sent.push(ledgers);
    return quickly(asked.map((value) => value * 10));
  });
  const answers = await Promise.all([
    round.ask('b', 2, failing),
    round.ask('c', 3, failing),
    round.ask('a', 1, failing),
  ]);
  expect({ sent, answers }).toEqual({ sent: [['a', 'b', 'c']], answers: [20, 30, 10] });
});

/** A round of statements that fail, or take long, for one ledger as `fault` says. Returns who was answered how, and what was sent. */
function faulty(fault: { of: 'failing' | 'slow' | null }) {
  const time = new FakeTime();
  const sent: string[] = [];
  const round = new Round<null, string>(
    async (ledgers) => {
      sent.push(ledgers.join());
      if (fault.of === 'failing' && ledgers.includes('bad')) throw new Error('lock timeout');
      const tookMs = fault.of === 'slow' && ledgers.includes('bad') ? 1_000 : 1;
      return { answers: ledgers.map(() => 'by the statement'), tookMs };
    },
    { time },
  );
  const ask = async () => {
    sent.length = 0;
    const answers = ['a', 'b', 'bad'].map((ledger) => round.ask(ledger, null, async () => 'in its own way'));
    return { answers: await Promise.all(answers), sent: [...sent] };
  };
  return { ask, time };
}
const own = ['by the statement', 'by the statement', 'in its own way'];
const all = ['by the statement', 'by the statement', 'by the statement'];

test('a statement that fails is sent for each by itself; the ledger for which it fails again stays out of it, and is tried after a minute', async () => {
  // What fails is the statement, as where its function is missing: asked in its own way, the ledger answers.
  const fault: { of: 'failing' | null } = { of: 'failing' };
  const { ask, time } = faulty(fault);
  expect(await ask()).toEqual({ answers: own, sent: ['a,b,bad', 'a', 'b', 'bad'] });
  expect(await ask()).toEqual({ answers: own, sent: ['a,b'] });
  time.shift(60_000);
  expect(await ask()).toEqual({ answers: own, sent: ['bad', 'a,b'] });
  expect(await ask()).toEqual({ answers: own, sent: ['a,b'] });
  fault.of = null;
  time.shift(60_000);
  expect(await ask()).toEqual({ answers: all, sent: ['bad', 'a,b'] });
  expect(await ask()).toEqual({ answers: all, sent: ['a,b,bad'] });
});

test('after a statement that took long each is asked by itself once; the one that takes long then stays out of it', async () => {
  const fault: { of: 'slow' | null } = { of: 'slow' };
  const { ask, time } = faulty(fault);
  expect(await ask()).toEqual({ answers: all, sent: ['a,b,bad'] });
  expect(await ask()).toEqual({ answers: all, sent: ['a', 'b', 'bad'] });
  expect(await ask()).toEqual({ answers: own, sent: ['a,b'] });
  fault.of = null;
  time.shift(60_000);
  expect(await ask()).toEqual({ answers: all, sent: ['bad', 'a,b'] });
  expect(await ask()).toEqual({ answers: all, sent: ['a,b,bad'] });
});

test('a server on which every statement takes long is not asked for each ledger more than once a minute', async () => {
  const sent: string[] = [];
  const round = new Round<null, null>(async (ledgers) => {
    sent.push(ledgers.join());
    return { answers: ledgers.map(() => null), tookMs: ledgers.length > 1 ? 1_000 : 1 };
  });
  for (let n = 0; n < 4; n += 1) await Promise.all(['a', 'b'].map((ledger) => round.ask(ledger, null, failing)));
  expect(sent).toEqual(['a,b', 'a', 'b', 'a,b', 'a,b']);
});

test('one that hangs in its own way delays no other', async () => {
  const round = new Round<null, string>(async (ledgers) => {
    if (ledgers.includes('hung')) throw new Error('lock timeout');
    return quickly(ledgers.map(() => 'by the statement'));
  });
  for (let n = 0; n < 2; n += 1) {
    void round.ask('hung', null, () => new Promise(() => {}));
    expect(await Promise.all(['a', 'b'].map((ledger) => round.ask(ledger, null, failing)))).toEqual([
      'by the statement',
      'by the statement',
    ]);
  }
});

test('a ledger that is always by itself is not in the statement', async () => {
  const round = new Round<null, string>(failing, { isAlwaysAlone: (ledger) => ledger === 'on a node' });
  expect(await round.ask('on a node', null, async () => 'in its own way')).toBe('in its own way');
});

test('a database that is away is told to each, though it would answer the next time: the time was unobserved', async () => {
  let isAway = true;
  const sent: string[] = [];
  const round = new Round<null, string>(async (ledgers) => {
    sent.push(ledgers.join());
    if (isAway) throw Object.assign(new Error('terminating connection'), { code: '57P01' });
    return quickly(ledgers.map(() => 'by the statement'));
  });
  const ask = () => Promise.allSettled(['a', 'b'].map((ledger) => round.ask(ledger, null, failing)));
  const told = { status: 'rejected', reason: expect.objectContaining({ code: '57P01' }) };
  expect(await ask()).toEqual([told, told]);
  isAway = false;
  const answered = { status: 'fulfilled', value: 'by the statement' };
  for (let n = 0; n < 2; n += 1) expect(await ask()).toEqual([answered, answered]);
  // Whoever caused it is found: next each is asked by itself.
  expect(sent).toEqual(['a,b', 'a', 'b', 'a,b']);
});
