import { describe, expect, test } from '@jest/globals';
import { isTerminal, mayBecome, openStatuses, type Status, statuses } from '../../../src/ledger/transitions.ts';
import { stale } from '../../../src/sweeper/pass/rules.ts';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });

const shapes = statuses.flatMap((status) =>
  [true, false].flatMap((overdue) => [true, false].map((silent) => ({ status, overdue, silent }))),
);

function verdict({ status, overdue, silent }: (typeof shapes)[number]): Status {
  if (isTerminal(status)) return status;
  if (overdue) return 'failed';
  return status === 'in_progress' && silent ? 'stuck' : status;
}

describe('a sweep over every status, overdue or not, silent or not', () => {
  test('makes legal marks only, and touches nothing else', async () => {
    const { ledger } = testLedger(database.db);
    const rows = [];
    for (const shape of shapes) {
      const { status, overdue, silent } = shape;
      const deadlineSeconds = overdue ? -30 : 3600;
      rows.push({
        ...shape,
        id: await seedDelegation(database, { status, deadlineSeconds, silentSeconds: silent ? 700 : 5 }),
      });
    }
    const before = await Promise.all(rows.map(({ id }) => ledger.get(id)));
    const summary = await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    expect(summary).toMatchObject({ failed: 2 * openStatuses.length, stuck: 1, remaining: 0 });
    for (const [index, row] of rows.entries()) {
      const after = await ledger.get(row.id);
      const to = verdict(row);
      expect({ ...row, status: after?.status }).toEqual({ ...row, status: to });
      if (to === row.status) {
        expect(after).toEqual(before[index]);
        expect(await ledger.history(row.id)).toHaveLength(1);
        continue;
      }
      expect(mayBecome(row.status, to)).toBe(true);
      expect(after).toMatchObject({
        lastHeartbeat: before[index]!.lastHeartbeat,
        deadline: before[index]!.deadline,
        errorDetail: to === 'failed' ? 'deadline exceeded' : expect.stringMatching(/^no heartbeat for 7\d\ds$/),
      });
      expect((await ledger.history(row.id)).slice(1)).toMatchObject([
        { event: `delegation.${to}`, fromStatus: row.status, toStatus: to, actor: 'sweeper' },
      ]);
    }
    expect(await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' })).toMatchObject({ failed: 0, stuck: 0 });
  });

  test('gives the reason of each mark, in the log and in the activity', async () => {
    const { ledger } = testLedger(database.db);
    const silent = await seedDelegation(database, { silentSeconds: 700, calleeId: 'agent' });
    const overdue = await seedDelegation(database, { status: 'queued', deadlineSeconds: -30 });
    const { sweeper, events } = testSweeper(database.db);
    const { sweepId } = await sweeper.sweep({ trigger: 'cron' });
    const [stuck, failed] = [(await ledger.get(silent))!, (await ledger.get(overdue))!];
    const [stuckEvent] = events('delegation.stuck');
    const [failedEvent] = events('delegation.deadline_exceeded');
    expect(stuckEvent).toMatchObject({
      sweepId,
      delegationId: silent,
      callerId: 'caller',
      calleeId: 'agent',
      fromStatus: 'in_progress',
      toStatus: 'stuck',
      lastHeartbeat: stuck.lastHeartbeat!.toISOString(),
      deadline: stuck.deadline.toISOString(),
      stuckAfterMs: 600_000,
    });
    expect(failedEvent).toMatchObject({ sweepId, fromStatus: 'queued', toStatus: 'failed', lastHeartbeat: null });
    expect((await ledger.history(silent)).at(-1)?.detail).toMatchObject({
      rule: 'stale',
      sweepId,
      stuckAfterMs: 600_000,
      silentMs: stuckEvent!.silentMs,
    });
    expect((await ledger.history(overdue)).at(-1)?.detail).toMatchObject({
      rule: 'overdue',
      sweepId,
      lastHeartbeat: null,
      overdueMs: failedEvent!.overdueMs,
    });
    expect(failed.finishedAt).toEqual(failed.updatedAt);
    expect(events('sweep.completed')).toMatchObject([
      { sweepId, trigger: 'cron', stuck: 1, failed: 1, oldestSilenceMs: stuckEvent!.silentMs },
    ]);
  });

  test('a row whose heartbeat was set to NULL has its whole threshold, and fails at its deadline', async () => {
    const id = await seedDelegation(database, { silentSeconds: 9000 });
    await database.query('UPDATE delegations SET last_heartbeat = NULL WHERE delegation_id = $1', [id]);
    const { sweeper, events } = testSweeper(database.db);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, failed: 0, remaining: 0 });
    await database.query(`UPDATE delegations SET deadline = clock_timestamp() WHERE delegation_id = $1`, [id]);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, failed: 1 });
    expect(events('delegation.deadline_exceeded')).toMatchObject([
      { delegationId: id, lastHeartbeat: expect.any(String) },
    ]);
  });

  test('an agent that died before its first heartbeat is found, however it came to be in progress', async () => {
    await database.query(`INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status)
      VALUES ('inserted', 'a', 'b', 'c', 'in_progress'), ('moved', 'a', 'b', 'c', 'queued')`);
    await database.query(`UPDATE delegations SET status = 'in_progress' WHERE delegation_id = 'moved'`);
    const { ledger } = testLedger(database.db);
    const set = await database.db.startTransaction().execute();
    const id = await seedDelegation(database, { status: 'queued' });
    await testLedger(set).ledger.setStatus(id, 'in_progress');
    await set.commit().execute();
    // A threshold of a microsecond: every stamped row has been silent for longer.
    const { sweeper } = testSweeper(database.db, { stuckAfterMs: 0.001 });
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 3 });
    expect((await ledger.get(id))?.status).toBe(stale.to);
  });
});
