import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DelegationLedger } from '../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { capturedLog } from '../support/fixtures.ts';
import { waitFor } from '../support/wait-for.ts';
import { restoreOldLedger } from '../upgrade/old-ledger.ts';

// An agent that is newer than its ledger, which is of version 0.1.0 because `migrate up` has not run yet.
let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  await restoreOldLedger(database, { empty: true });
  await database.query('UPDATE old.sweeper_state SET stuck_after_ms = 5000');
});
afterEach(async () => {
  await database[Symbol.asyncDispose]();
});

function oldLedger(db = database.db) {
  const log = capturedLog();
  return { log, ledger: new DelegationLedger(db.withSchema('old'), { logger: log.logger }) };
}

async function begun(...ids: string[]): Promise<void> {
  await database.query(
    `WITH begun AS (
       INSERT INTO old.delegations (delegation_id, caller_id, callee_id, task_preview, status)
       SELECT id, 'a', 'b', 'c', 'in_progress' FROM unnest($1::text[]) id RETURNING delegation_id, status)
     INSERT INTO old.activity_logs (delegation_id, event, to_status, actor)
     SELECT delegation_id, 'delegation.' || status, status, 'test' FROM begun`,
    [ids],
  );
}

const silence = (seconds: number) =>
  database.query(`UPDATE old.delegations SET last_heartbeat = clock_timestamp() - $1 * interval '1 second'`, [seconds]);

const silent = async () => {
  const rows = await database.query<{ id: string }>(
    `SELECT delegation_id AS id FROM old.delegations WHERE last_heartbeat < clock_timestamp() - interval '1 minute'`,
  );
  return rows.map(({ id }) => id);
};

describe('a ledger of version 0.1.0', () => {
  test('accepts single and many heartbeats, and answers with its threshold', async () => {
    const { ledger, log } = oldLedger();
    await begun('x', 'y');
    await silence(100);
    const stamped = { outcome: 'stamped', status: 'in_progress', stuckAfterMs: 5000 };
    expect(await ledger.heartbeat('x')).toMatchObject(stamped);
    await silence(100);
    expect(await ledger.heartbeatMany(['y', 'unknown', 'x'])).toMatchObject([stamped, { outcome: 'missing' }, stamped]);
    expect(await silent()).toEqual([]);
    expect(log.events('ledger.heartbeat_failed')).toEqual([]);
  });

  test('accepts many heartbeats in a transaction of the caller, which goes on', async () => {
    await begun('x', 'y');
    await silence(100);
    await database.db.transaction().execute(async (transaction) => {
      const { ledger } = oldLedger(transaction as typeof database.db);
      expect(await ledger.heartbeatMany(['x', 'y'])).toMatchObject([{ outcome: 'stamped' }, { outcome: 'stamped' }]);
      await transaction.withSchema('old').updateTable('delegations').set({ task_preview: 'new' }).execute();
    });
    expect(await silent()).toEqual([]);
  });

  test('gets the heartbeats of several keepAlives', async () => {
    const { ledger } = oldLedger();
    await begun('x', 'y');
    await silence(100);
    await using _x = ledger.keepAlive('x');
    await using _y = ledger.keepAlive('y');
    await waitFor('both heartbeats', async () => (await silent()).length === 0);
  });

  test('is named, with what to do, by every other call', async () => {
    const { ledger, log } = oldLedger();
    await begun('x');
    const toDo = { name: 'OutdatedSchemaError', message: expect.stringContaining('migrate up') };
    expect(await ledger.insert({ delegationId: 'z', callerId: 'a', calleeId: 'b', taskPreview: 'c' })).toMatchObject({
      outcome: 'failed',
      error: toDo,
    });
    expect(log.events('ledger.insert_failed')).toHaveLength(1);
    await expect(ledger.setStatus('x', 'completed')).rejects.toMatchObject(toDo);
    await expect(ledger.wait('x', { untilMs: 1, reason: 'x' })).rejects.toMatchObject(toDo);
    await expect(ledger.resume('x')).rejects.toMatchObject(toDo);
    await expect(ledger.adjust('x', { stuckAfterMs: 5000 })).rejects.toMatchObject(toDo);
    await expect(ledger.get('x')).rejects.toMatchObject(toDo);
  });
});

test('where there is no ledger at all, many heartbeats fail with what is missing, as one does', async () => {
  const log = capturedLog();
  const ledger = new DelegationLedger(database.db.withSchema('nowhere'), { logger: log.logger });
  const [first] = await ledger.heartbeatMany(['x', 'y']);
  expect(first).toMatchObject({ outcome: 'failed', error: { message: expect.stringContaining('nowhere') } });
});
