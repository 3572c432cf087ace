import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { InsertArguments } from '../../src/ledger/insert-arguments.ts';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase();

function delegation(more: Partial<InsertArguments> = {}): InsertArguments {
  return { delegationId: randomUUID(), callerId: 'caller', calleeId: 'callee', taskPreview: 'task', ...more };
}

const HOUR_MS = 3_600_000;

describe('insert', () => {
  test('writes the row as queued, with its first activity', async () => {
    const { ledger, lines } = testLedger(database.db);
    const requestBody = { prompt: 'naïve 🦊', nested: [{ deep: null }] };
    const given = delegation({ taskPreview: 'look it up', idempotencyKey: randomUUID(), requestBody });
    expect(await ledger.insert(given)).toEqual({
      outcome: 'inserted',
      delegationId: given.delegationId,
      status: 'queued',
    });
    const row = await ledger.get(given.delegationId);
    const { requestBody: _, ...columns } = given;
    expect(row).toMatchObject({ ...columns, status: 'queued', lastHeartbeat: null, finishedAt: null });
    expect(row!.updatedAt).toEqual(row!.createdAt);
    expect(await ledger.history(given.delegationId)).toMatchObject([
      { event: 'delegation.queued', fromStatus: null, toStatus: 'queued', actor: 'ledger', requestBody },
    ]);
    expect(lines).toEqual([]);
  });

  test('gives six hours by default, deadlineMs from now, or until the deadline', async () => {
    const { ledger } = testLedger(database.db);
    const given = async (more: Partial<InsertArguments>) => {
      const { delegationId } = await ledger.insert(delegation(more));
      const { deadline, createdAt } = (await ledger.get(delegationId))!;
      return { deadline, ms: deadline.getTime() - createdAt.getTime() };
    };
    expect((await given({})).ms).toBe(6 * HOUR_MS);
    expect((await given({ deadline: null, deadlineMs: null })).ms).toBe(6 * HOUR_MS);
    expect((await given({ deadlineMs: 1500 })).ms).toBe(1500);
    const deadline = new Date('2031-02-03T04:05:06.789Z');
    expect((await given({ deadline })).deadline).toEqual(deadline);
    expect((await given({ deadline: '2031-02-03T06:05:06.789+02:00' })).deadline).toEqual(deadline);
  });

  test('counts an id in characters, not in UTF-16 units', async () => {
    const { ledger } = testLedger(database.db);
    const given = delegation({ delegationId: '🦊'.repeat(200), callerId: '€'.repeat(200) });
    expect(await ledger.insert(given)).toMatchObject({ outcome: 'inserted', delegationId: given.delegationId });
    expect(await ledger.get(given.delegationId)).toMatchObject({ callerId: given.callerId });
  });
});

describe('a duplicate', () => {
  test("by id returns the row's status, and changes nothing", async () => {
    const { ledger } = testLedger(database.db);
    const { delegationId } = await ledger.insert(delegation());
    await ledger.setStatus(delegationId, 'in_progress');
    const before = await ledger.get(delegationId);
    expect(await ledger.insert(delegation({ delegationId, taskPreview: 'another' }))).toEqual({
      outcome: 'duplicate',
      delegationId,
      status: 'in_progress',
    });
    expect(await ledger.get(delegationId)).toEqual(before);
    expect(await ledger.history(delegationId)).toHaveLength(2);
  });

  test("by the caller's idempotency key names the holder; another caller's same key is no duplicate", async () => {
    const { ledger } = testLedger(database.db);
    const idempotencyKey = randomUUID();
    const { delegationId: holder } = await ledger.insert(delegation({ idempotencyKey }));
    const second = delegation({ idempotencyKey });
    expect(await ledger.insert(second)).toEqual({ outcome: 'duplicate', delegationId: holder, status: 'queued' });
    expect(await ledger.get(second.delegationId)).toBeNull();
    expect(await ledger.history(second.delegationId)).toEqual([]);
    expect(await ledger.insert(delegation({ idempotencyKey, callerId: 'other' }))).toMatchObject({
      outcome: 'inserted',
    });
  });

  test('by both an id and a key that two rows hold names the holder of the id', async () => {
    const { ledger } = testLedger(database.db);
    const idempotencyKey = randomUUID();
    await ledger.insert(delegation({ idempotencyKey }));
    const { delegationId } = await ledger.insert(delegation());
    expect(await ledger.insert(delegation({ delegationId, idempotencyKey }))).toMatchObject({
      outcome: 'duplicate',
      delegationId,
    });
  });

  test.each(['id', 'key'] as const)('that races by %s waits for the first, and names it as the holder', async (by) => {
    const idempotencyKey = randomUUID();
    const first = delegation({ idempotencyKey });
    const second = by === 'id' ? delegation({ delegationId: first.delegationId }) : delegation({ idempotencyKey });
    const trx = await database.db.startTransaction().execute();
    expect(await testLedger(trx).ledger.insert(first)).toMatchObject({ outcome: 'inserted' });
    const { ledger } = testLedger(database.db);
    const racing = ledger.insert(second);
    await waitUntilWaiting(database, 1);
    await trx.commit().execute();
    expect(await racing).toEqual({ outcome: 'duplicate', delegationId: first.delegationId, status: 'queued' });
    expect(await ledger.history(first.delegationId)).toHaveLength(1);
  });

  test('that races with one that rolls back is inserted', async () => {
    const idempotencyKey = randomUUID();
    const trx = await database.db.startTransaction().execute();
    await testLedger(trx).ledger.insert(delegation({ idempotencyKey }));
    const { ledger } = testLedger(database.db);
    const racing = ledger.insert(delegation({ idempotencyKey }));
    await waitUntilWaiting(database, 1);
    await trx.rollback().execute();
    expect(await racing).toMatchObject({ outcome: 'inserted' });
  });

  test("is found inside a caller's transaction that began before the first insert committed", async () => {
    const idempotencyKey = randomUUID();
    const trx = await database.db.startTransaction().execute();
    await sql`SELECT 1 FROM delegations LIMIT 1`.execute(trx);
    const { delegationId: holder } = await testLedger(database.db).ledger.insert(delegation({ idempotencyKey }));
    expect(await testLedger(trx).ledger.insert(delegation({ idempotencyKey }))).toMatchObject({
      outcome: 'duplicate',
      delegationId: holder,
    });
    await trx.commit().execute();
  });

  test('with ON CONFLICT on the id alone would be an error instead', async () => {
    const idempotencyKey = randomUUID();
    await testLedger(database.db).ledger.insert(delegation({ idempotencyKey }));
    await expect(
      database.query(
        `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, idempotency_key)
         VALUES ($1, 'caller', 'callee', 'task', $2) ON CONFLICT (delegation_id) DO NOTHING`,
        [randomUUID(), idempotencyKey],
      ),
    ).rejects.toMatchObject({ code: '23505' });
  });

  test('of many at once with one key: one is inserted, all others name it', async () => {
    const { ledger } = testLedger(database.db);
    const idempotencyKey = randomUUID();
    const results = await Promise.all(Array.from({ length: 24 }, () => ledger.insert(delegation({ idempotencyKey }))));
    const inserted = results.filter(({ outcome }) => outcome === 'inserted');
    expect(inserted).toHaveLength(1);
    for (const result of results) expect(result.delegationId).toBe(inserted[0]!.delegationId);
    expect(results.filter(({ outcome }) => outcome === 'duplicate')).toHaveLength(23);
  });
});

describe("in the caller's transaction", () => {
  test('row and activity commit with it, or not at all', async () => {
    const kept = delegation();
    const undone = delegation();
    await database.db.transaction().execute((trx) => testLedger(trx).ledger.insert(kept));
    const trx = await database.db.startTransaction().execute();
    await testLedger(trx).ledger.insert(undone);
    await trx.rollback().execute();
    const { ledger } = testLedger(database.db);
    expect(await ledger.history(kept.delegationId)).toHaveLength(1);
    expect(await ledger.get(undone.delegationId)).toBeNull();
    expect(await ledger.history(undone.delegationId)).toEqual([]);
  });

  test("a failure is an outcome, is logged, and leaves the caller's transaction usable", async () => {
    const [before, failing, after] = [delegation(), delegation({ callerId: 'poisoned' }), delegation()];
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'P4242'; END $$`);
    await database.query(`CREATE TRIGGER refuse BEFORE INSERT ON delegations FOR EACH ROW
      WHEN (NEW.caller_id = 'poisoned') EXECUTE FUNCTION refuse()`);
    await database.db.transaction().execute(async (trx) => {
      const { ledger, events } = testLedger(trx);
      await ledger.insert(before);
      expect(await ledger.insert(failing)).toMatchObject({
        outcome: 'failed',
        delegationId: failing.delegationId,
        error: { code: 'P4242' },
      });
      expect(events('ledger.insert_failed')).toMatchObject([
        { level: 'error', delegationId: failing.delegationId, callerId: 'poisoned', err: { code: 'P4242' } },
      ]);
      await ledger.insert(after);
    });
    const { ledger } = testLedger(database.db);
    expect(await ledger.get(before.delegationId)).not.toBeNull();
    expect(await ledger.get(failing.delegationId)).toBeNull();
    expect(await ledger.get(after.delegationId)).not.toBeNull();
  });

  test('the same failure without a savepoint would abort the whole transaction', async () => {
    const trx = await database.db.startTransaction().execute();
    await expect(sql`INSERT INTO delegations (delegation_id) VALUES ('x')`.execute(trx)).rejects.toThrow();
    await expect(sql`SELECT 1`.execute(trx)).rejects.toMatchObject({ code: '25P02' });
    // Best effort, even there.
    expect(await testLedger(trx).ledger.insert(delegation())).toMatchObject({ outcome: 'failed' });
    await trx.rollback().execute();
  });

  test('a missing table fails only the insert', async () => {
    const trx = await database.db.startTransaction().execute();
    await sql`ALTER TABLE delegations RENAME TO elsewhere`.execute(trx);
    expect(await testLedger(trx).ledger.insert(delegation())).toMatchObject({
      outcome: 'failed',
      error: { code: '42P01' },
    });
    await sql`ALTER TABLE elsewhere RENAME TO delegations`.execute(trx);
    expect(await testLedger(trx).ledger.insert(delegation())).toMatchObject({ outcome: 'inserted' });
    await trx.commit().execute();
  });
});

describe('a database that does not answer as it should', () => {
  test('makes an insert fail, never throw', async () => {
    const connection = await database.connect();
    const { ledger, events } = testLedger(database.db.withSchema('nowhere'));
    const given = delegation();
    expect(await ledger.insert(given)).toMatchObject({ outcome: 'failed', error: { code: '3F000' } });
    expect(events('ledger.insert_failed')).toHaveLength(1);
    await connection.end();
  });

  test('without the right to write fails, and says which code', async () => {
    await database.query('DROP ROLE IF EXISTS ledger_reader');
    const trx = await database.db.startTransaction().execute();
    await sql`CREATE ROLE ledger_reader`.execute(trx);
    await sql`GRANT SELECT ON delegations TO ledger_reader`.execute(trx);
    await sql`SET LOCAL ROLE ledger_reader`.execute(trx);
    expect(await testLedger(trx).ledger.insert(delegation())).toMatchObject({
      outcome: 'failed',
      error: { code: '42501' },
    });
    await trx.rollback().execute();
  });
});
