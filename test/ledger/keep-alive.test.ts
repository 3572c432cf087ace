import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { DelegationLostError, InvalidArgumentError } from '../../src/ledger/errors.ts';
import type { HeartbeatResult } from '../../src/ledger/heartbeat-result.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor, waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase();
const EAGER = { heartbeatMinIntervalMs: 0.001 };

const stampOf = async (id: string) => {
  const [row] = await database.query<{ at: string }>(
    'SELECT last_heartbeat::text AS at FROM delegations WHERE delegation_id = $1',
    [id],
  );
  return row!.at;
};

/** As a daemon of this release, or of the one before, stores it. */
async function keepThreshold(stuckAfterMs: number | null): Promise<void> {
  await database.query('UPDATE sweeper_state SET stuck_after_ms = $1', [stuckAfterMs]);
  await database.query('UPDATE sweeper_threshold SET stuck_after_ms = $1', [stuckAfterMs]);
}

describe('keepAlive', () => {
  test('sends heartbeats until it is disposed, and none afterwards', async () => {
    const { ledger } = testLedger(database.db, EAGER);
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const alive = ledger.keepAlive(id, { everyMs: 1 });
    const stamps = new Set<string>();
    await waitFor('five stamps', async () => stamps.add(await stampOf(id)).size >= 5);
    await alive[Symbol.asyncDispose]();
    const last = await stampOf(id);
    // One more heartbeat would be written after this one: none is under way.
    expect(
      await database.query(
        'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state <> $1 AND pid <> pg_backend_pid()',
        ['idle'],
      ),
    ).toEqual([]);
    expect(await stampOf(id)).toBe(last);
    expect(alive.signal.aborted).toBe(false);
    await alive[Symbol.asyncDispose]();
  });

  test('waits at disposal for the heartbeat under way', async () => {
    const { ledger } = testLedger(database.db, EAGER);
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [id]);
    const alive = ledger.keepAlive(id, { everyMs: 1 });
    await waitUntilWaiting(database, 1);
    let disposed = false;
    const disposing = alive[Symbol.asyncDispose]().then(() => {
      disposed = true;
    });
    const before = await stampOf(id);
    expect(disposed).toBe(false);
    await gate.query('COMMIT');
    await gate.end();
    await disposing;
    expect(await stampOf(id)).not.toBe(before);
  });

  test('reports once that the delegation has ended, by callback and by signal, and ends by itself', async () => {
    const { ledger } = testLedger(database.db, EAGER);
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const told: HeartbeatResult[] = [];
    await using alive = ledger.keepAlive(id, { everyMs: 1, onTerminal: (result) => told.push(result) });
    await ledger.setStatus(id, 'stuck');
    await waitFor('the signal', () => alive.signal.aborted);
    expect(told).toEqual([{ delegationId: id, outcome: 'terminal', status: 'stuck' }]);
    expect(alive.signal.reason).toBeInstanceOf(DelegationLostError);
    expect(alive.signal.reason).toMatchObject({ code: 'DELEGATION_LOST', message: `delegation ${id} is stuck` });
    expect(alive.signal.reason.result).toBe(told[0]);
    await alive[Symbol.asyncDispose]();
    expect(told).toHaveLength(1);
  });

  test('goes on after heartbeats that failed', async () => {
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const { ledger, events } = testLedger(database.db, EAGER);
    await database.query('ALTER TABLE delegations RENAME TO away');
    await using alive = ledger.keepAlive(id, { everyMs: 1 });
    await waitFor('failures', () => events('ledger.heartbeat_failed').length >= 3);
    await database.query('ALTER TABLE away RENAME TO delegations');
    await waitFor('a stamp', async () => (await ledger.get(id))!.lastHeartbeat!.getTime() > Date.now() - 50_000);
    expect(alive.signal.aborted).toBe(false);
  });

  test('paces itself by the threshold that the daemon stores', async () => {
    const id = await seedDelegation(database, { silentSeconds: 100 });
    await keepThreshold(1000);
    const { ledger } = testLedger(database.db);
    const alive = ledger.keepAlive(id);
    // A tenth of a second each; without the threshold the next one would come in a minute.
    const stamps = new Set<string>();
    await waitFor('three stamps', async () => stamps.add(await stampOf(id)).size >= 4);
    await alive[Symbol.asyncDispose]();
    await keepThreshold(null);
  });

  test('accepts options that are undefined, and refuses an interval that no timer supports', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    await using _ = ledger.keepAlive(id, { everyMs: undefined, onTerminal: undefined });
    await using __ = ledger.keepAlive(id, { everyMs: 2 ** 31 - 1 });
    expect(() => ledger.keepAlive(id, { everyMs: 2 ** 31 })).toThrow(
      'everyMs must be a positive number of milliseconds, at most 2147483647',
    );
  });

  test('is refused in a transaction, whose stamps no other session sees', async () => {
    await database.db.transaction().execute(async (trx) => {
      expect(() => testLedger(trx).ledger.keepAlive('x')).toThrow(InvalidArgumentError);
    });
  });

  test('stops without `await using` as well, and twice', async () => {
    const { ledger } = testLedger(database.db, EAGER);
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const alive = ledger.keepAlive(id, { everyMs: 1 });
    const first = await stampOf(id);
    await waitFor('a stamp', async () => (await stampOf(id)) !== first);
    await alive.stop();
    const last = await stampOf(id);
    await alive.stop();
    expect(await stampOf(id)).toBe(last);
  });

  test('reports nothing after its disposal', async () => {
    const { ledger } = testLedger(database.db, EAGER);
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const rival = await database.db.startTransaction().execute();
    await testLedger(rival).ledger.setStatus(id, 'completed');
    const told: HeartbeatResult[] = [];
    const alive = ledger.keepAlive(id, { everyMs: 1, onTerminal: (result) => told.push(result) });
    await waitUntilWaiting(database, 1);
    const disposing = alive[Symbol.asyncDispose]();
    await rival.commit().execute();
    await disposing;
    expect(told).toEqual([]);
    expect(alive.signal.aborted).toBe(false);
  });

  test('a callback that throws does not end the process', async () => {
    const { ledger } = testLedger(database.db);
    const alive = ledger.keepAlive(await seedDelegation(database, { status: 'stuck' }), {
      onTerminal: async () => {
        throw new Error('from the callback');
      },
    });
    const unhandled: unknown[] = [];
    const listen = (err: unknown) => unhandled.push(err);
    process.on('unhandledRejection', listen);
    await waitFor('the signal', () => alive.signal.aborted);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
    await expect(alive[Symbol.asyncDispose]()).rejects.toThrow('from the callback');
  });
});

describe('a heartbeat that is `missing`', () => {
  /** A ledger that knows a threshold of this many milliseconds. */
  async function ledgerOf(stuckAfterMs: number) {
    await keepThreshold(stuckAfterMs);
    const opened = testLedger(database.db, EAGER);
    await opened.ledger.heartbeat(await seedDelegation(database, { silentSeconds: 100 }));
    await keepThreshold(null);
    return opened;
  }

  test('does not end the work while the caller has not committed: the agent goes on, and is heard after the commit', async () => {
    const { ledger, events } = await ledgerOf(60_000);
    const id = randomUUID();
    const caller = await database.db.startTransaction().execute();
    await testLedger(caller).ledger.insert({ delegationId: id, callerId: 'a', calleeId: 'b', taskPreview: 'task' });
    const told: HeartbeatResult[] = [];
    await using alive = ledger.keepAlive(id, { everyMs: 1, onTerminal: (result) => told.push(result) });
    await waitFor('misses', () => events('ledger.row_missing').length >= 5);
    await caller.commit().execute();
    await waitFor('a stamp', async () => (await ledger.get(id))?.lastHeartbeat);
    expect([told, alive.signal.aborted]).toEqual([[], false]);
  });

  test('ends the work after a whole threshold, with an Error as the reason', async () => {
    const { ledger, events } = await ledgerOf(400);
    const id = randomUUID();
    const begunMs = performance.now();
    const told: HeartbeatResult[] = [];
    await using alive = ledger.keepAlive(id, { everyMs: 1, onTerminal: (result) => told.push(result) });
    await waitFor('the signal', () => alive.signal.aborted);
    expect(performance.now() - begunMs).toBeGreaterThanOrEqual(400);
    expect(events('ledger.row_missing').length).toBeGreaterThan(5);
    expect(told).toEqual([{ delegationId: id, outcome: 'missing' }]);
    expect(alive.signal.reason).toMatchObject({ result: told[0], message: `delegation ${id} is not in the ledger` });
  });

  test('counts from the last stamp: a row that is hidden repeatedly is not lost', async () => {
    const { ledger, events } = await ledgerOf(2000);
    const id = await seedDelegation(database, { silentSeconds: 100 });
    await using alive = ledger.keepAlive(id, { everyMs: 1 });
    const begunMs = performance.now();
    const hide = (from: string, to: string) =>
      database.query('UPDATE delegations SET delegation_id = $2 WHERE delegation_id = $1', [from, to]);
    while (performance.now() - begunMs < 2500) {
      const misses = events('ledger.row_missing').length;
      await hide(id, `${id}-hidden`);
      await waitFor('misses', () => events('ledger.row_missing').length > misses + 3);
      await hide(`${id}-hidden`, id);
      const before = await stampOf(id);
      await waitFor('a stamp', async () => (await stampOf(id)) !== before);
    }
    expect(alive.signal.aborted).toBe(false);
  });
});
