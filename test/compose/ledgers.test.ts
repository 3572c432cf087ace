import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { FoundLedger } from '../../src/compose/found-ledgers.ts';
import { Ledgers } from '../../src/compose/ledgers.ts';
import type { ReleaseReason, ServedLedger } from '../../src/compose/served-ledger.ts';
import { Availability } from '../../src/outage/availability.ts';
import { capturedLog } from '../support/fixtures.ts';
import { waitFor } from '../support/wait-for.ts';

type Fake = Partial<Pick<ServedLedger, 'start' | 'stop' | 'release'>>;

/** Ledgers over a list of schemas, and what was called of each ledger; `build` says what a ledger does otherwise. */
function ledgersOf(find: () => Promise<FoundLedger[]>, build: (name: string, nth: number) => Fake = () => ({})) {
  const { log, events } = capturedLog();
  const calls: string[] = [];
  let built = 0;
  const serve = (name: string) => {
    const nth = ++built;
    const fake = build(name, nth);
    const ledger = {
      name,
      start() {
        calls.push(`start ${name} ${nth}`);
        return fake.start?.() ?? Promise.resolve('started');
      },
      async stop() {
        calls.push(`stop ${name} ${nth}`);
        await fake.stop?.();
      },
      async release(why: ReleaseReason) {
        calls.push(`release ${name} ${nth}: ${why}`);
        await fake.release?.(why);
        calls.push(`released ${name} ${nth}`);
      },
    };
    return ledger as unknown as ServedLedger;
  };
  const ledgers = new Ledgers(log, new Availability(log), {
    find,
    serve,
    logOf: () => log,
    dbSchemas: ['a', 'b'],
    lookEveryMs: 10,
  });
  return { ledgers, calls, events };
}

test('a stop does not wait for a look in flight, which serves nothing once it is answered', async () => {
  const answer = Promise.withResolvers<FoundLedger[]>();
  let looks = 0;
  const find = () => {
    looks += 1;
    return looks === 1 ? Promise.resolve([{ name: 'a', oid: 1 }]) : answer.promise;
  };
  const { ledgers, calls } = ledgersOf(find);
  await ledgers.start();
  await waitFor('a look in flight', () => looks === 2);
  await ledgers.stop();
  answer.resolve([{ name: 'b', oid: 2 }]);
  await nextTurn();
  expect(calls).toEqual(['start a 1', 'stop a 1']);
  expect([looks, [...ledgers.served.keys()]]).toEqual([2, ['a']]);
});

test('one that is dropped and made again is served when the old one has ended, and keeps its schedules', async () => {
  let found = [{ name: 'a', oid: 1 }];
  let looks = 0;
  const end = Promise.withResolvers<void>();
  const { ledgers, calls } = ledgersOf(
    async () => {
      looks += 1;
      return found;
    },
    (_, nth) => (nth === 1 ? { release: () => end.promise } : {}),
  );
  await ledgers.start();
  await waitFor('it to be served', () => calls.includes('start a 1'));
  found = [{ name: 'a', oid: 2 }];
  await waitFor('the old one to be let go', () => calls.includes('release a 1: replaced'));
  const looksBefore = looks;
  await waitFor('more looks', () => looks > looksBefore + 2);
  expect(calls).toEqual(['start a 1', 'release a 1: replaced']);
  end.resolve();
  await waitFor('the new one', () => calls.includes('start a 2'));
  found = [];
  await waitFor('it to be gone', () => calls.includes('released a 2'));
  await ledgers.stop();
  expect(calls).toEqual([
    'start a 1',
    'release a 1: replaced',
    'released a 1',
    'start a 2',
    'release a 2: gone',
    'released a 2',
  ]);
});

test('one that cannot be built or does not start is tried again, and keeps no other from being served', async () => {
  const found = ['a', 'b'].map((name, oid) => ({ name, oid }));
  const { ledgers, calls, events } = ledgersOf(
    async () => found,
    (_, nth) => {
      if (nth === 1) throw new Error('not built');
      return nth === 3 ? { start: async () => 'failed' } : {};
    },
  );
  await ledgers.start();
  await waitFor('the third try', () => calls.includes('start a 4'));
  await ledgers.stop();
  expect(calls).toEqual([
    'start b 2',
    'start a 3',
    'release a 3: failed',
    'released a 3',
    'start a 4',
    'stop b 2',
    'stop a 4',
  ]);
  expect(events('ledgers.failed')).toMatchObject([{ err: { message: 'not built' } }]);
  expect(events('database.unavailable')).toEqual([]);
});
