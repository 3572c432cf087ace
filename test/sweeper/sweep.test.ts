import { describe, expect, test } from '@jest/globals';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });

describe('a sweep', () => {
  test('moves silent delegations to stuck and leaves living ones unchanged', async () => {
    const silent = await seedDelegation(database, { silentSeconds: 700 });
    const living = await seedDelegation(database, { silentSeconds: 500 });
    const { ledger } = testLedger(database.db);
    const { sweeper, events } = testSweeper(database.db);

    const summary = await sweeper.sweep({ trigger: 'manual' });

    expect(summary).toMatchObject({ stuck: 1, failed: 0, remaining: 0, batches: 1, held: false, truncated: false });
    expect(await ledger.get(silent)).toMatchObject({
      status: 'stuck',
      errorDetail: expect.stringMatching(/^no heartbeat for 7\d\ds$/),
    });
    expect((await ledger.get(living))?.status).toBe('in_progress');
    expect((await ledger.history(silent)).at(-1)).toMatchObject({
      event: 'delegation.stuck',
      fromStatus: 'in_progress',
      toStatus: 'stuck',
      actor: 'sweeper',
      detail: { rule: 'stale', sweepId: summary.sweepId, stuckAfterMs: 600_000 },
    });
    expect(events('delegation.stuck')).toHaveLength(1);
    expect(events('sweep.completed')).toHaveLength(1);
  });

  test('fails what is past its deadline, in every open status, also when it is silent too', async () => {
    const ids = [
      await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 }),
      await seedDelegation(database, { status: 'dispatched', deadlineSeconds: -5 }),
      await seedDelegation(database, { status: 'in_progress', deadlineSeconds: -5, silentSeconds: 0 }),
      await seedDelegation(database, { status: 'in_progress', deadlineSeconds: -5, silentSeconds: 7000 }),
      await seedDelegation(database, { status: 'in_progress', deadlineSeconds: -5, silentSeconds: null }),
    ];
    const { ledger } = testLedger(database.db);
    const { sweeper } = testSweeper(database.db);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, failed: 5, remaining: 0 });
    for (const id of ids) {
      expect(await ledger.get(id)).toMatchObject({ status: 'failed', errorDetail: 'deadline exceeded' });
    }
  });

  test('isolates a row whose update raises, and marks all others of its batch', async () => {
    for (let i = 0; i < 20; i += 1) await seedDelegation(database, { silentSeconds: 700 + i });
    const poisoned = await seedDelegation(database, { silentSeconds: 705.5 });
    await database.query(`
      CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'poisoned'; END $$`);
    await database.query(`
      CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW
      WHEN (OLD.delegation_id = '${poisoned}') EXECUTE FUNCTION poison()`);
    const { sweeper, events } = testSweeper(database.db, { batchRowsMax: 7 });
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 20, poisoned: 1, remaining: 1 });
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, poisoned: 1, remaining: 1 });
    expect(events('sweep.poisoned')).toHaveLength(1);
    await database.query('DROP TRIGGER poison ON delegations');
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1, poisoned: 0, remaining: 0 });
    expect(await database.query(`SELECT * FROM sweeper_notices WHERE kind = 'poisoned'`)).toEqual([]);
  });
});
