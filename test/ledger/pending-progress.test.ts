import { describe, expect, test } from '@jest/globals';
import { PendingProgress } from '../../src/ledger/pending-progress.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase();

/** What runs meanwhile finds no ledger. */
async function duringOutage<Result>(work: () => Promise<Result>): Promise<Result> {
  await database.query('ALTER TABLE delegations RENAME TO away');
  try {
    return await work();
  } finally {
    await database.query('ALTER TABLE away RENAME TO delegations');
  }
}

describe('a progress text whose heartbeat failed', () => {
  test.each([
    ['heartbeat', (ledger, id) => ledger.heartbeat(id)],
    ['heartbeatMany', async (ledger, id) => ledger.heartbeatMany([await seedDelegation(database), id])],
  ] as [string, (ledger: ReturnType<typeof testLedger>['ledger'], id: string) => Promise<unknown>][])(
    'goes with the next %s of its delegation, and only once',
    async (_name, next) => {
      const { ledger } = testLedger(database.db);
      const id = await seedDelegation(database);
      const lost = await duringOutage(() => ledger.heartbeat(id, { progress: '3 of 7' }));
      expect(lost.outcome).toBe('failed');
      await next(ledger, id);
      const { progress, progressAt } = (await ledger.get(id))!;
      expect(progress).toBe('3 of 7');
      await next(ledger, id);
      expect((await ledger.get(id))?.progressAt).toEqual(progressAt);
    },
  );

  test('goes with the next heartbeat of a keepAlive', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    await duringOutage(() => ledger.heartbeat(id, { progress: '3 of 7' }));
    await using _alive = ledger.keepAlive(id, { everyMs: 20 });
    await waitFor('the text', async () => (await ledger.get(id))?.progress === '3 of 7');
  });

  test('is replaced by a newer one', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    await duringOutage(() => ledger.heartbeat(id, { progress: 'older' }));
    await ledger.heartbeat(id, { progress: 'newer' });
    await ledger.heartbeat(id);
    expect((await ledger.get(id))?.progress).toBe('newer');
  });

  test('is not kept when it was invalid', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    expect(await ledger.heartbeat(id, { progress: '' })).toMatchObject({ outcome: 'failed' });
    expect(await ledger.heartbeat(id)).toMatchObject({ outcome: 'fresh' });
  });
});

describe('pending progress', () => {
  test('keeps a newer text when the heartbeat that took the older one is answered', () => {
    const pending = new PendingProgress();
    pending.report('a', 'older');
    const sent = pending.of(['a']);
    pending.report('a', 'newer');
    pending.answered(sent, new Map([['a', { outcome: 'stamped' }]]));
    expect(pending.of(['a']).get('a')).toEqual({ text: 'newer' });
  });

  test.each(['failed', 'fresh', 'locked'])('keeps a text whose heartbeat was answered %s', (outcome) => {
    const pending = new PendingProgress();
    pending.report('a', 'text');
    pending.answered(pending.of(['a']), new Map([['a', { outcome }]]));
    expect(pending.of(['a', 'b']).size).toBe(1);
  });

  // A row that is missing may come to be: what was reported before it did is not about it.
  test.each(['stamped', 'terminal', 'missing'])('drops a text whose heartbeat was answered %s', (outcome) => {
    const pending = new PendingProgress();
    pending.report('a', 'text');
    pending.answered(pending.of(['a']), new Map([['a', { outcome }]]));
    expect(pending.of(['a']).size).toBe(0);
  });

  test('is kept for ten thousand delegations, those with the newest texts', () => {
    const pending = new PendingProgress();
    for (let count = 0; count < 10_000; count += 1) pending.report(`id-${count}`, 'text');
    pending.report('id-0', 'newer');
    pending.report('one more', 'text');
    expect(pending.of(['id-0', 'id-1', 'id-2', 'one more']).size).toBe(3);
    expect(pending.of(['id-1']).size).toBe(0);
  });
});
