import { expect, test } from '@jest/globals';
import { DelegationLedger } from '../../src/ledger/ledger.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { capturedLog, testSweeper } from '../support/fixtures.ts';
import { waitFor } from '../support/wait-for.ts';
import { useCitusLedger } from './citus-ledger.ts';
import { shiftClock } from './worker.ts';

const ledger = useCitusLedger({ restarts: true });
const SHIFT_SECONDS = 20;
/** Less than the clocks differ. */
const STUCK_AFTER_MS = 5_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The coordinator may not know at once that its node is back. */
const reached = (work: () => Promise<unknown>) =>
  waitFor('the node to be reached', () =>
    work().then(
      () => true,
      () => false,
    ),
  );

// Behind first, so that the second is not a clock that was set back.
test.each([-SHIFT_SECONDS, SHIFT_SECONDS])(
  'on a worker whose clock is %i s from the others, nobody who is heard is marked, and whoever is silent is',
  async (shift) => {
    const id = (name: string) => `${name} ${shift}`;
    await using shifted = await shiftClock(ledger.url, await ledger.node(), shift);
    const { log } = capturedLog();
    const beat = new Beat(ledger.db, log, STUCK_AFTER_MS);
    // A new ledger's threshold is a longer one, by which whoever was heard before it was lowered is judged. The second beat dates that.
    for (let beats = 0; beats < 2; beats += 1) await reached(() => beat.leave());
    const agents = new DelegationLedger(ledger.db, { logger: silent, heartbeatMinIntervalMs: 1 });
    const task = { callerId: 'caller', calleeId: 'callee', taskPreview: 'task' };
    for (const name of ['works', 'silent']) {
      await agents.insert({ delegationId: id(name), ...task, deadlineMs: 3_600_000 });
      await agents.setStatus(id(name), 'in_progress');
    }
    // The node stamped it. In a query over its table Citus would ask the node for the clock, too.
    const { lastHeartbeat } = (await agents.get(id('works')))!;
    const [{ now }] = (await ledger.query<{ now: Date }>('SELECT clock_timestamp() AS now')) as [{ now: Date }];
    const aheadSeconds = (lastHeartbeat!.getTime() - now.getTime()) / 1000;
    expect(Math.abs(aheadSeconds - shift)).toBeLessThan(SHIFT_SECONDS / 2);

    const { sweeper } = testSweeper(ledger.db, { stuckAfterMs: STUCK_AFTER_MS });
    await beat.leave();
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, failed: 0 });
    await waitFor(
      'the silent one to be marked, by a daemon that watches',
      async () => {
        expect(await agents.heartbeat(id('works'))).toMatchObject({ outcome: 'stamped' });
        await beat.leave();
        await sweeper.sweep({ trigger: 'manual' });
        return (await agents.get(id('silent')))?.status === 'stuck';
      },
      { timeoutMs: 60_000 },
    );
    expect(await agents.get(id('works'))).toMatchObject({ status: 'in_progress' });
    await agents.setStatus(id('works'), 'completed');
    await shifted.back();
  },
  300_000,
);
