import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { healedOf } from '../../src/housekeeping/reconciliation/reconcile-summary.ts';
import { Reconciliation } from '../../src/housekeeping/reconciliation/reconciliation.ts';
import { replay, replayWait } from '../../src/ledger/activity.ts';
import { statuses } from '../../src/ledger/transitions.ts';
import { capturedLog, seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { unreplayable } from '../support/replay.ts';
import { notEndedOnce } from '../support/seed-fleet.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test', replayed: false });

/** A linear congruential generator: the same choices in every run, whatever the interleaving. */
function choices(seed: number) {
  let state = seed;
  return <T>(values: readonly T[]): T => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return values[Math.floor((state / 2 ** 31) * values.length)]!;
  };
}

describe('replayed activity', () => {
  test.each([1, 2, 3])('equals the rows after many sessions did everything at once (seed %i)', async (seed) => {
    const ids = Array.from({ length: 12 }, () => randomUUID());
    const { ledger } = testLedger(database.db, { heartbeatMinIntervalMs: 0.001 });
    // Every delegation is stale a millisecond after its stamp, so the sweeps race with every heartbeat.
    const { sweeper } = testSweeper(database.db, { stuckAfterMs: 1, batchRowsMax: 3 });
    const reconciliation = new Reconciliation(database.db, capturedLog().log, { pageRowsMax: 5, batchRowsMax: 3 });
    const reconcile = () => reconciliation.run({ trigger: 'manual', signal: new AbortController().signal });
    const agent = async (own: number) => {
      const choose = choices(seed * 1000 + own);
      for (let step = 0; step < 60; step += 1) {
        const delegationId = choose(ids);
        const act = choose([
          'insert',
          'set',
          'set',
          'set',
          'heartbeat',
          'many',
          'wait',
          'resume',
          'undone',
          'sweep',
          'reconcile',
        ] as const);
        if (act === 'insert') await ledger.insert({ delegationId, callerId: 'a', calleeId: 'b', taskPreview: 'c' });
        if (act === 'set') await ledger.setStatus(delegationId, choose(statuses), { responseBody: { own, step } });
        if (act === 'heartbeat') await ledger.heartbeat(delegationId);
        if (act === 'many') await ledger.heartbeatMany([delegationId, choose(ids), choose(ids)]);
        if (act === 'wait')
          await ledger.wait(delegationId, { untilMs: 60_000 + step, reason: choose(['a person', 'another']) });
        if (act === 'resume') await ledger.resume(delegationId);
        if (act === 'sweep') await sweeper.sweep({ trigger: 'manual' });
        if (act === 'reconcile') await reconcile();
        if (act === 'undone') {
          const trx = await database.db.startTransaction().execute();
          await testLedger(trx).ledger.setStatus(delegationId, choose(statuses));
          await trx.rollback().execute();
        }
      }
    };
    await Promise.all([0, 1, 2, 3, 4].map(agent));
    await reconcile();
    expect(healedOf(await reconcile())).toBe(0);
    expect(await unreplayable(database)).toEqual([]);
    expect(await notEndedOnce(database)).toEqual([]);
    for (const id of ids) {
      const [row, history] = [await ledger.get(id), await ledger.history(id)];
      expect(replay(history)).toBe(row?.status ?? null);
      const { waitingSince: since, waitingUntil: until, waitingReason: reason } = row ?? {};
      expect(replayWait(history)).toEqual(since ? { since, until, reason } : null);
    }
  });

  test('detects a status that changed without its activity, and a missing transition', async () => {
    const [silent, skipped] = [await seedDelegation(database), await seedDelegation(database, { status: 'queued' })];
    await database.query(`UPDATE delegations SET status = 'stuck', revision = revision + 1 WHERE delegation_id = $1`, [
      silent,
    ]);
    await testLedger(database.db).ledger.setStatus(skipped, 'dispatched');
    await testLedger(database.db).ledger.setStatus(skipped, 'failed');
    await database.query(`DELETE FROM activity_logs WHERE delegation_id = $1 AND to_status = 'dispatched'`, [skipped]);
    expect(await unreplayable(database)).toMatchObject([
      { delegation_id: skipped, problem: 'a step does not start where the one before ended' },
      { delegation_id: silent, problem: 'the row differs from its activity' },
    ]);
  });
});
