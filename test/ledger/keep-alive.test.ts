import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { HeartbeatResult } from '../../src/ledger/heartbeats.ts';
import { KeepAlive } from '../../src/ledger/keep-alive.ts';
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

describe('keepAlive', () => {
  test('heartbeats again and again until disposed, and no more then', async () => {
    const { ledger } = testLedger(database.db, EAGER);
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const alive = ledger.keepAlive(id, { everyMs: 1 });
    const stamps = new Set<string>();
    await waitFor('five stamps', async () => stamps.add(await stampOf(id)).size >= 5);
    await alive[Symbol.asyncDispose]();
    const last = await stampOf(id);
    // One heartbeat more would be a write after this one: none is under way.
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

  test('waits, when disposed, for the heartbeat that is under way', async () => {
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

  test('says once that the delegation is over, by callback and by signal, and ends by itself', async () => {
    const { ledger } = testLedger(database.db, EAGER);
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const told: HeartbeatResult[] = [];
    await using alive = ledger.keepAlive(id, { everyMs: 1, onTerminal: (result) => told.push(result) });
    await ledger.setStatus(id, 'stuck');
    await waitFor('the signal', () => alive.signal.aborted);
    expect(told).toEqual([{ delegationId: id, outcome: 'terminal', status: 'stuck' }]);
    expect(alive.signal.reason).toBe(told[0]);
    await alive[Symbol.asyncDispose]();
    expect(told).toHaveLength(1);
  });

  test('says that nobody knows the delegation', async () => {
    const { ledger } = testLedger(database.db);
    const told: HeartbeatResult[] = [];
    await using alive = ledger.keepAlive(randomUUID(), { onTerminal: (result) => told.push(result) });
    await waitFor('the signal', () => alive.signal.aborted);
    expect(told).toMatchObject([{ outcome: 'missing' }]);
  });

  test('goes on after heartbeats that failed', async () => {
    const id = await seedDelegation(database, { silentSeconds: 100 });
    const { ledger: away } = testLedger(database.db.withSchema('nowhere'));
    const { ledger } = testLedger(database.db, EAGER);
    const outcomes: string[] = [];
    const heartbeat = async (delegationId: string) => {
      const result = await (outcomes.length < 3 ? away : ledger).heartbeat(delegationId);
      outcomes.push(result.outcome);
      return result;
    };
    await using alive = new KeepAlive(heartbeat, id, { everyMs: 1 });
    await waitFor('stamps', () => outcomes.length > 5);
    expect(outcomes.slice(0, 4)).toEqual(['failed', 'failed', 'failed', 'stamped']);
    expect(alive.signal.aborted).toBe(false);
  });

  test('paces itself by the threshold that the daemon keeps', async () => {
    const id = await seedDelegation(database, { silentSeconds: 100 });
    await database.query('UPDATE sweeper_state SET stuck_after_ms = 1000');
    const { ledger } = testLedger(database.db);
    const alive = ledger.keepAlive(id);
    // A tenth of a second each; without the threshold the next one would come in a minute.
    const stamps = new Set<string>();
    await waitFor('three stamps', async () => stamps.add(await stampOf(id)).size >= 4);
    await alive[Symbol.asyncDispose]();
    await database.query('UPDATE sweeper_state SET stuck_after_ms = NULL');
  });

  test('does not report to an agent that has disposed of it', async () => {
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

  test('a callback that throws is not the end of the process', async () => {
    const { ledger } = testLedger(database.db);
    const alive = ledger.keepAlive(randomUUID(), {
      onTerminal: () => {
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
