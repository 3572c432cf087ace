import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { isLateResult, isTerminal, mayBecome, type Status, statuses } from '../../src/ledger/transitions.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();
const pairs = statuses.flatMap((from) => statuses.map((to) => ({ from, to })));

describe('setStatus', () => {
  test.each(pairs)('from $from to $to does what the table says', async ({ from, to }) => {
    const { ledger, lines } = testLedger(database.db);
    const id = await seedDelegation(database, { status: from });
    const before = await ledger.get(id);
    const result = await ledger.setStatus(id, to);
    const after = await ledger.get(id);
    const history = (await ledger.history(id)).slice(1);
    if (mayBecome(from, to)) {
      expect(result).toEqual({ outcome: 'changed', from, to });
      expect(after).toMatchObject({ status: to });
      expect(after!.updatedAt.getTime()).toBeGreaterThanOrEqual(before!.updatedAt.getTime());
      expect(after!.finishedAt !== null).toBe(isTerminal(to));
      if (to === 'in_progress') expect(after!.lastHeartbeat).not.toBeNull();
      expect(history).toMatchObject([
        { event: `delegation.${to}`, fromStatus: from, toStatus: to, actor: 'ledger', detail: {} },
      ]);
      expect(lines).toEqual([]);
      return;
    }
    expect(result).toEqual({ outcome: from === to ? 'unchanged' : 'refused', from, to });
    expect(after).toEqual(before);
    const late = isLateResult(from, to, false);
    expect(history).toMatchObject(late ? [{ event: 'delegation.late_result', fromStatus: from, toStatus: null }] : []);
    if (from === to) expect(lines).toEqual([]);
    else if (late)
      expect(lines).toMatchObject([{ event: 'ledger.late_result', delegationId: id, from, attempted: to }]);
    else expect(lines).toMatchObject([{ event: 'ledger.transition_refused', delegationId: id, from, to }]);
  });

  test('records what the caller gives: the detail in the row, the detail and the body in the activity', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    const responseBody = { text: 'naïve 🦊', list: [1, null] };
    await ledger.setStatus(id, 'completed', { resultPreview: 'all done', responseBody, actor: 'agent-7' });
    expect(await ledger.get(id)).toMatchObject({ resultPreview: 'all done', errorDetail: null });
    expect((await ledger.history(id)).at(-1)).toMatchObject({
      actor: 'agent-7',
      detail: { resultPreview: 'all done' },
      responseBody,
    });
  });

  test.each<Status>(['failed', 'stuck'])('keeps why a delegation %s', async (to) => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    await ledger.setStatus(id, to, { errorDetail: 'out of tokens' });
    expect(await ledger.get(id)).toMatchObject({ status: to, errorDetail: 'out of tokens', resultPreview: null });
  });

  test('enters in_progress with a heartbeat no older than the one it had', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status: 'dispatched', silentSeconds: 0 });
    const before = await ledger.get(id);
    await ledger.setStatus(id, 'in_progress');
    expect((await ledger.get(id))!.lastHeartbeat!.getTime()).toBeGreaterThanOrEqual(before!.lastHeartbeat!.getTime());
  });

  test('enters in_progress with a heartbeat of now where it had one from the future', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status: 'dispatched' });
    // As after a server's clock was set back, bypassing the guard.
    const session = await database.connect();
    await session.query('SET session_replication_role = replica');
    await session.query(`UPDATE delegations SET last_heartbeat = now() + interval '1 hour' WHERE delegation_id = $1`, [
      id,
    ]);
    await session.end();
    await ledger.setStatus(id, 'in_progress');
    const [row] = await database.query<{ ok: boolean }>(
      'SELECT last_heartbeat <= clock_timestamp() AS ok FROM delegations WHERE delegation_id = $1',
      [id],
    );
    expect(row).toEqual({ ok: true });
  });
});

describe('the same status again', () => {
  test('fills a detail that is still missing, and leaves updated_at and the history unchanged', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    await ledger.setStatus(id, 'completed');
    const before = await ledger.get(id);
    expect(await ledger.setStatus(id, 'completed', { resultPreview: 'first' })).toMatchObject({ outcome: 'unchanged' });
    expect(await ledger.get(id)).toEqual({ ...before, resultPreview: 'first' });
    await ledger.setStatus(id, 'completed', { resultPreview: 'first' });
    await ledger.setStatus(id, 'completed');
    expect(await ledger.get(id)).toEqual({ ...before, resultPreview: 'first' });
    expect(await ledger.history(id)).toHaveLength(2);
  });

  test('writes nothing when there is nothing to fill', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status: 'failed' });
    const version = () =>
      database.query('SELECT xmin::text, ctid::text FROM delegations WHERE delegation_id = $1', [id]);
    const before = await version();
    await ledger.setStatus(id, 'failed');
    expect(await version()).toEqual(before);
  });
});

describe('a refusal', () => {
  test("is a value: the caller's transaction goes on and commits", async () => {
    const id = await seedDelegation(database, { status: 'completed' });
    const other = await seedDelegation(database);
    await database.db.transaction().execute(async (trx) => {
      const { ledger } = testLedger(trx);
      expect(await ledger.setStatus(id, 'in_progress')).toMatchObject({ outcome: 'refused', from: 'completed' });
      expect(await ledger.setStatus(other, 'completed')).toMatchObject({ outcome: 'changed' });
    });
    const { ledger } = testLedger(database.db);
    expect((await ledger.get(other))?.status).toBe('completed');
  });

  test('happens without an error of the guard in the database', async () => {
    const id = await seedDelegation(database, { status: 'stuck' });
    await expect(
      database.query(`UPDATE delegations SET status = 'in_progress' WHERE delegation_id = $1`, [id]),
    ).rejects.toMatchObject({ code: '23514' });
    const { ledger } = testLedger(database.db);
    expect(await ledger.setStatus(id, 'in_progress')).toMatchObject({ outcome: 'refused', from: 'stuck' });
  });
});

describe("in the caller's transaction", () => {
  test('status and activity are both gone after a rollback', async () => {
    const id = await seedDelegation(database);
    const trx = await database.db.startTransaction().execute();
    await testLedger(trx).ledger.setStatus(id, 'completed');
    await trx.rollback().execute();
    const { ledger } = testLedger(database.db);
    expect((await ledger.get(id))?.status).toBe('in_progress');
    expect(await ledger.history(id)).toHaveLength(1);
  });

  test('a status cannot change without its activity: when the activity is refused, the row is unchanged', async () => {
    const id = await seedDelegation(database);
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'the stream is full'; END $$`);
    await database.query(`CREATE TRIGGER refuse BEFORE INSERT ON activity_logs FOR EACH ROW
      WHEN (NEW.delegation_id = '${id}') EXECUTE FUNCTION refuse()`);
    const { ledger } = testLedger(database.db);
    await expect(ledger.setStatus(id, 'completed')).rejects.toThrow('the stream is full');
    expect((await ledger.get(id))?.status).toBe('in_progress');
  });
});

describe('a missing delegation', () => {
  test('is recorded with all that the caller gave, once', async () => {
    const { ledger, lines } = testLedger(database.db);
    const id = randomUUID();
    const options = { resultPreview: 'done', responseBody: { answer: 42 }, actor: 'agent' };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await ledger.setStatus(id, 'completed', options)).toEqual({
        outcome: 'missing',
        from: null,
        to: 'completed',
      });
    }
    expect(await ledger.history(id)).toMatchObject([
      {
        event: 'delegation.orphan_update',
        fromStatus: null,
        toStatus: null,
        actor: 'agent',
        detail: { attempted: 'completed', resultPreview: 'done' },
        responseBody: { answer: 42 },
      },
    ]);
    expect(lines).toMatchObject(
      Array(2).fill({ event: 'ledger.orphan_update', delegationId: id, attempted: 'completed' }),
    );
    expect(await ledger.get(id)).toBeNull();
  });

  test.each(statuses)('is recorded for %s, too', async (status) => {
    const { ledger } = testLedger(database.db);
    const id = randomUUID();
    expect(await ledger.setStatus(id, status)).toEqual({ outcome: 'missing', from: null, to: status });
    expect(await ledger.history(id)).toMatchObject([{ detail: { attempted: status } }]);
  });
});

describe('a late result', () => {
  test.each([
    { from: 'stuck', to: 'completed', options: { resultPreview: 'the answer', responseBody: { n: 1 } } },
    { from: 'stuck', to: 'failed', options: { errorDetail: 'the reason', responseBody: [1] } },
    { from: 'failed', to: 'completed', options: { resultPreview: 'the answer' } },
  ] as const)('from $from as $to is refused and recorded once, with its payload', async ({ from, to, options }) => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status: from });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(await ledger.setStatus(id, to, options)).toEqual({ outcome: 'refused', from, to });
    }
    const { responseBody = null, ...detail } = options as { responseBody?: unknown };
    expect((await ledger.history(id)).slice(1)).toMatchObject([
      { event: 'delegation.late_result', fromStatus: from, detail: { attempted: to, ...detail }, responseBody },
    ]);
  });

  test.each([
    { to: 'completed', held: { resultPreview: 'a', responseBody: { n: 1 } }, other: { resultPreview: 'b' } },
    { to: 'completed', held: { resultPreview: 'a' }, other: { responseBody: { n: 2 } } },
    { to: 'completed', held: { resultPreview: 'a', responseBody: 1 }, other: { resultPreview: 'a', responseBody: 2 } },
    { to: 'completed', held: {}, other: { resultPreview: 'fills', responseBody: [1] } },
    { to: 'failed', held: { errorDetail: 'a' }, other: { errorDetail: 'b' } },
    { to: 'failed', held: { responseBody: 'a' }, other: { responseBody: 'b' } },
    { to: 'stuck', held: { errorDetail: 'a' }, other: { errorDetail: 'b' } },
  ] as const)('as $to again, $other after $held, is unchanged and recorded once', async ({ to, held, other }) => {
    const { ledger, events } = testLedger(database.db);
    const id = await seedDelegation(database);
    await ledger.setStatus(id, to, held);
    for (const payload of [held, {}]) {
      expect(await ledger.setStatus(id, to, payload)).toEqual({ outcome: 'unchanged', from: to, to });
    }
    expect(await ledger.history(id)).toHaveLength(2);
    expect(events('ledger.late_result')).toEqual([]);
    const before = await ledger.get(id);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(await ledger.setStatus(id, to, other)).toEqual({ outcome: 'unchanged', from: to, to });
    }
    const { responseBody = null, ...detail } = other as { responseBody?: unknown };
    expect((await ledger.history(id)).slice(2)).toMatchObject([
      {
        event: 'delegation.late_result',
        fromStatus: to,
        toStatus: null,
        detail: { attempted: to, ...detail },
        responseBody,
      },
    ]);
    expect(events('ledger.late_result')[0]).toMatchObject({ delegationId: id, from: to, attempted: to });
    const filled = before!.resultPreview === null && to === 'completed' ? detail : {};
    expect(await ledger.get(id)).toEqual({ ...before, ...filled });
  });

  test.each([
    { from: 'queued', to: 'completed', options: { resultPreview: 'too early', responseBody: { n: 1 } } },
    { from: 'completed', to: 'failed', options: { errorDetail: 'after all' } },
    { from: 'completed', to: 'stuck', options: { errorDetail: 'a watcher says so' } },
    { from: 'queued', to: 'stuck', options: { responseBody: 'x' } },
  ] as const)('as $to while $from is refused and recorded once, with its payload', async ({ from, to, options }) => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status: from });
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(await ledger.setStatus(id, to, options)).toEqual({ outcome: 'refused', from, to });
    }
    const { responseBody = null, ...detail } = options as { responseBody?: unknown };
    expect((await ledger.history(id)).slice(1)).toMatchObject([
      { event: 'delegation.late_result', fromStatus: from, detail: { attempted: to, ...detail }, responseBody },
    ]);
  });

  test('is not recorded when nothing was finished: other statuses, and stuck without a detail', async () => {
    for (const from of ['completed', 'failed', 'stuck'] as const) {
      const { ledger } = testLedger(database.db);
      const id = await seedDelegation(database, { status: from });
      for (const to of ['queued', 'dispatched', 'in_progress', 'stuck'] as const) await ledger.setStatus(id, to);
      await ledger.setStatus(id, 'in_progress', { responseBody: { n: 1 } });
      expect(await ledger.history(id)).toHaveLength(1);
    }
  });

  test('that differs in its preview or its body is another one', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status: 'stuck' });
    const payloads = [{}, { resultPreview: 'a' }, { resultPreview: 'b' }, { resultPreview: 'b', responseBody: 1 }];
    for (const payload of [...payloads, ...payloads]) await ledger.setStatus(id, 'completed', payload);
    await ledger.setStatus(id, 'failed');
    expect(await ledger.history(id)).toHaveLength(1 + payloads.length + 1);
  });

  test('is recorded when its activity commits with the caller, and not before', async () => {
    const id = await seedDelegation(database, { status: 'stuck' });
    const trx = await database.db.startTransaction().execute();
    await testLedger(trx).ledger.setStatus(id, 'completed', { resultPreview: 'x' });
    const { ledger } = testLedger(database.db);
    expect(await ledger.history(id)).toHaveLength(1);
    await trx.commit().execute();
    expect(await ledger.history(id)).toHaveLength(2);
  });
});
