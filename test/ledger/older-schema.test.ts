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

async function begun(ledger: DelegationLedger, ...ids: string[]): Promise<void> {
  for (const delegationId of ids) {
    expect(await ledger.insert({ delegationId, callerId: 'a', calleeId: 'b', taskPreview: 'c' })).toMatchObject({
      outcome: 'inserted',
    });
    expect(await ledger.setStatus(delegationId, 'in_progress')).toMatchObject({ outcome: 'changed' });
  }
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
    await begun(ledger, 'x', 'y');
    await silence(100);
    const stamped = { outcome: 'stamped', status: 'in_progress', stuckAfterMs: 5000 };
    expect(await ledger.heartbeat('x')).toMatchObject(stamped);
    await silence(100);
    expect(await ledger.heartbeatMany(['y', 'unknown', 'x'])).toMatchObject([stamped, { outcome: 'missing' }, stamped]);
    expect(await silent()).toEqual([]);
    expect(log.events('ledger.heartbeat_failed')).toEqual([]);
  });

  test('accepts many heartbeats in a transaction of the caller, which goes on', async () => {
    await begun(oldLedger().ledger, 'x', 'y');
    await silence(100);
    await database.db.transaction().execute(async (transaction) => {
      const { ledger } = oldLedger(transaction as typeof database.db);
      expect(await ledger.heartbeatMany(['x', 'y'])).toMatchObject([{ outcome: 'stamped' }, { outcome: 'stamped' }]);
      await ledger.setStatus('x', 'completed');
    });
    expect(await silent()).toEqual([]);
    expect((await oldLedger().ledger.get('x'))?.status).toBe('completed');
  });

  test('gets the heartbeats of several keepAlives', async () => {
    const { ledger } = oldLedger();
    await begun(ledger, 'x', 'y');
    await silence(100);
    await using _x = ledger.keepAlive('x');
    await using _y = ledger.keepAlive('y');
    await waitFor('both heartbeats', async () => (await silent()).length === 0);
  });

  test('records results as before', async () => {
    const { ledger } = oldLedger();
    await begun(ledger, 'x');
    expect(await ledger.setStatus('x', 'failed', { errorDetail: 'why' })).toMatchObject({ outcome: 'changed' });
    expect(await ledger.setStatus('x', 'completed', { resultPreview: 'late' })).toMatchObject({ outcome: 'refused' });
    expect(await ledger.setStatus('z', 'completed')).toMatchObject({ outcome: 'missing' });
    expect((await ledger.history('x')).at(-1)).toMatchObject({ event: 'delegation.late_result' });
  });
});

test('where there is no ledger at all, many heartbeats fail with what is missing, as one does', async () => {
  const log = capturedLog();
  const ledger = new DelegationLedger(database.db.withSchema('nowhere'), { logger: log.logger });
  const [first] = await ledger.heartbeatMany(['x', 'y']);
  expect(first).toMatchObject({ outcome: 'failed', error: { message: expect.stringContaining('nowhere') } });
});
