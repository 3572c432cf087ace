import { describe, expect, test } from '@jest/globals';
import { StatusReader } from '../../src/sweeper/status/status-reader.ts';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

// PostgreSQL has instants that no Date and no whole number of microseconds in a bigint can hold.
const database = useDatabase({ per: 'test' });

const FIRST = new Date('0001-01-01T00:00:00.000Z');
const LAST = new Date('9999-12-31T23:59:59.999Z');

async function withDeadline(deadline: string): Promise<string> {
  const id = await seedDelegation(database);
  await database.query('UPDATE delegations SET deadline = $2 WHERE delegation_id = $1', [id, deadline]);
  return id;
}

describe('a deadline that is further away than any Date', () => {
  test.each([
    ['294276-12-31 23:59:59.999999+00', LAST],
    ['4713-01-01 00:00:00+00 BC', FIRST],
  ])('%s is read as the last or first instant that ISO 8601 writes', async (deadline, seen) => {
    const id = await withDeadline(deadline);
    expect((await testLedger(database.db).ledger.get(id))?.deadline).toEqual(seen);
  });

  test('fails neither a sweep nor the status', async () => {
    const ancient = await withDeadline('4713-01-01 00:00:00+00 BC');
    const distant = await withDeadline('294276-12-31 23:59:59.999999+00');
    const cron = { expression: '* * * * *', timezone: 'UTC' };
    const reader = new StatusReader(database.db, { cron, stuckAfterMs: 600_000, stormMaxHoldMs: 60_000 });
    expect((await reader.status()).oldest.overdueMs).toBeGreaterThan(6e13);
    expect(await reader.census()).toMatchObject({ byStatus: { in_progress: 2 } });
    const { sweeper } = testSweeper(database.db);
    expect((await sweeper.dryRun()).rows.map(({ delegationId }) => delegationId)).toEqual([ancient]);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ failed: 1, stuck: 0, poisoned: 0 });
    expect((await testLedger(database.db).ledger.get(distant))?.status).toBe('in_progress');
  });
});

describe('a ledger whose rows were not corrected yet', () => {
  test('has a status and is swept, though instants are infinite', async () => {
    await database.query('ALTER TABLE delegations DROP CONSTRAINT delegations_instants_sound');
    const overdue = await withDeadline('-infinity');
    const endless = await withDeadline('infinity');
    const id = await seedDelegation(database);
    await database.query(`UPDATE delegations SET last_heartbeat = '-infinity' WHERE delegation_id = $1`, [id]);
    const cron = { expression: '* * * * *', timezone: 'UTC' };
    const reader = new StatusReader(database.db, { cron, stuckAfterMs: 600_000, stormMaxHoldMs: 60_000 });
    expect((await reader.status()).oldest.silenceMs).toBeGreaterThan(6e13);
    expect(await reader.census()).toMatchObject({ byStatus: { in_progress: 3 } });
    const { ledger } = testLedger(database.db);
    expect((await ledger.get(id))?.lastHeartbeat).toEqual(FIRST);
    const healthy = await seedDelegation(database, { silentSeconds: 700 });
    const { sweeper } = testSweeper(database.db);
    const marked = { failed: 1, stuck: 2, poisoned: 0, remaining: 0 };
    expect(await sweeper.dryRun()).toMatchObject(marked);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject(marked);
    expect((await ledger.get(healthy))?.status).toBe('stuck');
    const statuses = await Promise.all([overdue, id, endless].map(async (each) => (await ledger.get(each))?.status));
    expect(statuses).toEqual(['failed', 'stuck', 'in_progress']);
  });
});
