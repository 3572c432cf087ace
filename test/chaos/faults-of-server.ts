import { setTimeout as sleep } from 'node:timers/promises';
import {
  A_LITTLE_LONGER_MS,
  allEnded,
  type Chaos,
  type Fault,
  LONGER_THAN_THRESHOLD_MS,
  leaveBacklog,
  sweepingDaemon,
} from './fault.ts';

/** A server that crashes, goes back in time, has no room, or another clock. */
export const faultsOfServer: readonly Fault[] = [
  {
    name: 'the server crashed and restarted at once (SIGQUIT)',
    async inject({ fleet, history }) {
      await fleet.server.crash();
      await history.away(() => fleet.server.restart());
    },
  },
  {
    name: 'the server crashed in mid-sweep, away for longer than the threshold',
    async inject(chaos) {
      const { server } = chaos.fleet;
      const backlog = await leaveBacklog(chaos);
      await sweepingDaemon(chaos);
      await server.crash();
      await chaos.history.away(async () => {
        await sleep(LONGER_THAN_THRESHOLD_MS);
        await server.restart();
      });
      await allEnded(chaos, backlog);
    },
  },
  {
    name: 'a failover to a standby that lags (pg_basebackup, pg_promote), and back',
    needs: 'standby',
    async inject(chaos) {
      await failOver(chaos);
      await failOver(chaos);
    },
  },
  {
    name: "the server's clock set forward, and back again (faketime)",
    needs: 'clock',
    async inject({ fleet: { server }, history: { clock }, random }) {
      const aheadMs = Math.round(random.between(5_000, 7_200_000));
      for (const offsetMs of [aheadMs, random.chance(0.5) ? 0 : -aheadMs, 0]) {
        await clock.setTo(offsetMs, () => server.setClock(offsetMs));
        await sleep(random.between(500, LONGER_THAN_THRESHOLD_MS));
      }
    },
  },
  {
    name: "the server's disk full",
    needs: 'disk',
    async inject({ fleet: { server }, history, random }) {
      // It may go down, and be up again before it is restarted here: nobody counts on that.
      await history.hindered('all', async () => {
        await server.fillDisk(Math.round(random.between(0, 4 * 2 ** 20)));
        await sleep(random.between(1_000, LONGER_THAN_THRESHOLD_MS));
        await server.freeDisk();
      });
    },
  },
];

async function failOver({ fleet: { server }, history, random }: Chaos): Promise<void> {
  await using standby = await server.makeLaggingStandby();
  // From before it got nothing more.
  const startAt = Date.now() - 1_000;
  await sleep(random.between(200, 2_000));
  await history.away(() => standby.takeOver());
  history.losses.push({ startAt, endAt: Date.now() });
  // What the agents' processes remember is repeated meanwhile.
  await sleep(A_LITTLE_LONGER_MS);
}
