import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { LedgerDb } from '../../src/db/schema.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();

const delegation = (delegationId: string) => ({ delegationId, callerId: 'a', calleeId: 'b', taskPreview: 'task' });
const exists = async (id: string) => (await testLedger(database.db).ledger.get(id)) !== null;

/** Inserts that the database refuses for one id, each only after the statement has begun. */
async function refuse(id: string): Promise<void> {
  await database.query(`CREATE OR REPLACE FUNCTION refuse_insert() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'not this one'; END $$`);
  await database.query(`CREATE OR REPLACE TRIGGER refuse_insert BEFORE INSERT ON delegations FOR EACH ROW
    WHEN (NEW.delegation_id LIKE 'refused-%') EXECUTE FUNCTION refuse_insert()`);
  expect(id).toMatch(/^refused-/);
}

const ways = {
  'a transaction': (work: (trx: LedgerDb) => Promise<void>) => database.db.transaction().execute(work),
  'a transaction under manual control': async (work: (trx: LedgerDb) => Promise<void>) => {
    const trx = await database.db.startTransaction().execute();
    await work(trx);
    await trx.commit().execute();
  },
};

describe.each(Object.entries(ways))('best-effort calls at once in %s', (_, inTransaction) => {
  test('what was answered as inserted is there after the commit, though the other call failed', async () => {
    for (const order of ['first', 'last']) {
      const [good, bad] = [randomUUID(), `refused-${randomUUID()}`];
      await refuse(bad);
      const ids = order === 'first' ? [bad, good] : [good, bad];
      await inTransaction(async (trx) => {
        const { ledger } = testLedger(trx);
        const outcomes = await Promise.all(ids.map(async (id) => [id, (await ledger.insert(delegation(id))).outcome]));
        expect(Object.fromEntries(outcomes)).toEqual({ [good]: 'inserted', [bad]: 'failed' });
      });
      expect([await exists(good), await exists(bad)]).toEqual([true, false]);
    }
  });

  test('many calls, of several ledgers that share it, heartbeats among them, and one with a missing schema', async () => {
    const living = await seedDelegation(database, { silentSeconds: 100 });
    const ids = Array.from({ length: 20 }, (__, index) => `${index % 3 === 0 ? 'refused-' : ''}${randomUUID()}`);
    await refuse(ids[0]!);
    await inTransaction(async (trx) => {
      const [one, two] = [testLedger(trx).ledger, testLedger(trx.withSchema('public')).ledger];
      const away = testLedger(trx.withSchema('nowhere')).ledger;
      const [beats, lost, ...inserted] = await Promise.all([
        two.heartbeat(living),
        away.heartbeat(living),
        ...ids.map((id, index) => (index % 2 === 0 ? one : two).insert(delegation(id))),
      ]);
      expect([beats.outcome, lost.outcome]).toEqual(['stamped', 'failed']);
      expect(inserted.map(({ outcome }) => outcome)).toEqual(
        ids.map((id) => (id.startsWith('refused-') ? 'failed' : 'inserted')),
      );
    });
    expect(await Promise.all(ids.map(exists))).toEqual(ids.map((id) => !id.startsWith('refused-')));
  });

  test("do not affect the caller's own savepoints, made meanwhile and around them", async () => {
    const [kept, undone, between, bad] = [randomUUID(), randomUUID(), randomUUID(), `refused-${randomUUID()}`];
    await refuse(bad);
    await inTransaction(async (trx) => {
      const { ledger } = testLedger(trx);
      await ledger.insert(delegation(kept));
      await sql`SAVEPOINT outer_one`.execute(trx);
      const [, , told] = await Promise.all([
        ledger.insert(delegation(undone)),
        // A statement of the caller, which would run between the savepoint and its end if it were not kept out.
        sql`SAVEPOINT callers`.execute(trx),
        ledger.insert(delegation(bad)),
        sql`SELECT 1`.execute(trx),
      ]);
      expect(told.outcome).toBe('failed');
      await sql`ROLLBACK TO SAVEPOINT callers`.execute(trx);
      await sql`ROLLBACK TO SAVEPOINT outer_one`.execute(trx);
      expect(await ledger.insert(delegation(between))).toMatchObject({ outcome: 'inserted' });
    });
    expect([await exists(kept), await exists(undone), await exists(between)]).toEqual([true, false, true]);
  });
});

test('a call after the end of its transaction fails, and does not throw', async () => {
  const trx = await database.db.startTransaction().execute();
  await trx.commit().execute();
  expect(await testLedger(trx).ledger.insert(delegation(randomUUID()))).toMatchObject({ outcome: 'failed' });
  expect(await testLedger(trx).ledger.heartbeat('x')).toMatchObject({ outcome: 'failed' });
});
