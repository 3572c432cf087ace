import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Advisor } from '../../src/sweeper/advice/advisor.ts';
import { startDaemon } from '../support/daemon.ts';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
/** The daemon then reads its sample every second. */
const STUCK_AFTER_MS = 10_000;

test('a daemon follows what agents do, and hands on what it follows when it is stopped', async () => {
  await using daemon = startDaemon(database.url, { STUCK_AFTER: '10s' });
  await daemon.until('sweep.completed');
  const { ledger } = testLedger(database.db, { heartbeatMinIntervalMs: 500 });
  const ids: string[] = [];
  const begin = async () => {
    const delegationId = randomUUID();
    ids.push(delegationId);
    await ledger.insert({ delegationId, callerId: 'caller', calleeId: 'callee', taskPreview: 'task' });
    await ledger.setStatus(delegationId, 'in_progress');
    return delegationId;
  };
  const work = new AbortController();
  const agent = async () => {
    while (!work.signal.aborted) {
      const id = await begin();
      await using _alive = ledger.keepAlive(id, { everyMs: 600 });
      await sleep(1_500, undefined, { signal: work.signal }).catch(() => {});
      await ledger.setStatus(id, 'completed');
    }
  };
  const agents = [agent(), agent(), agent()];
  const advice = async () => (await new Advisor(database.db, { stuckAfterMs: STUCK_AFTER_MS }).advice()).callees[0];
  await waitFor('delegations that were followed to their end', async () => {
    const read = await advice();
    return read !== undefined && read.evidence.delegations >= 10;
  });
  work.abort();
  await Promise.all(agents);
  // One that goes on: it is followed, or it entered after the last reading.
  const last = await begin();
  daemon.child.kill('SIGTERM');
  expect(await daemon.child.exit).toEqual({ code: 0, signal: null });
  const { evidence, today, verdict } = (await advice())!;
  expect({ today, verdict }).toEqual({
    today: { minMs: STUCK_AFTER_MS, maxMs: STUCK_AFTER_MS },
    verdict: 'too_little',
  });
  // No delegation is counted twice, and each has its entry, a heartbeat or two and its completion.
  expect(evidence.delegations).toBeLessThanOrEqual(ids.length - 1);
  expect(evidence.started).toBeLessThanOrEqual(ids.length);
  expect(evidence.gaps).toBeGreaterThanOrEqual(evidence.delegations);
  const [state] = await database.query<{ followed: { followed: { delegationId: string }[] } | null }>(
    'SELECT followed FROM sweeper_advice_state',
  );
  const handedOn = state!.followed?.followed.map(({ delegationId }) => delegationId) ?? [];
  expect(handedOn.every((id) => id === last || ids.includes(id))).toBe(true);
  expect(daemon.events('advice.sampling_failed')).toEqual([]);
});
