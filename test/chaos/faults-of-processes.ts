import { setTimeout as sleep } from 'node:timers/promises';
import {
  A_LITTLE_LONGER_MS,
  allEnded,
  busyAgent,
  type Chaos,
  type Fault,
  frozen,
  inProgressOf,
  killed,
  LONGER_THAN_THRESHOLD_MS,
  leaveBacklog,
  signalAll,
  sweepingDaemon,
} from './fault.ts';
import { STUCK_AFTER_MS } from './fleet.ts';

/** Daemons and agents that are killed or frozen. */
export const faultsOfProcesses: readonly Fault[] = [
  {
    name: 'a daemon killed in mid-sweep (SIGKILL)',
    async inject(chaos) {
      const backlog = await leaveBacklog(chaos);
      const name = await sweepingDaemon(chaos);
      const daemon = chaos.fleet.daemons.get(name)!;
      daemon.kill('SIGKILL');
      await daemon.exit;
      await allEnded(chaos, backlog);
      chaos.fleet.startDaemon(name);
    },
  },
  {
    name: 'a daemon frozen in mid-sweep for longer than the threshold (SIGSTOP)',
    async inject(chaos) {
      const backlog = await leaveBacklog(chaos);
      const daemon = chaos.fleet.daemons.get(await sweepingDaemon(chaos))!;
      daemon.kill('SIGSTOP');
      await sleep(LONGER_THAN_THRESHOLD_MS);
      daemon.kill('SIGCONT');
      await allEnded(chaos, backlog);
    },
  },
  {
    name: 'all daemons frozen for longer than the threshold',
    inject: daemonsFrozen,
  },
  {
    name: 'all daemons frozen, one agent with them and a little longer',
    async inject(chaos) {
      const agent = await busyAgent(chaos);
      await frozen(chaos, [agent], async () => {
        await daemonsFrozen(chaos);
        await sleep(A_LITTLE_LONGER_MS);
      });
    },
  },
  {
    name: 'the server away for longer than the threshold, one agent frozen a little longer',
    async inject(chaos) {
      const { server } = chaos.fleet;
      const agent = await busyAgent(chaos);
      await frozen(chaos, [agent], async () => {
        await server.crash();
        await chaos.history.away(async () => {
          await sleep(LONGER_THAN_THRESHOLD_MS);
          await server.restart();
        });
        await sleep(A_LITTLE_LONGER_MS);
      });
    },
  },
  {
    name: 'an agent killed in its work (SIGKILL)',
    async inject(chaos) {
      const agent = await busyAgent(chaos);
      await killed(chaos, agent);
      await allEnded(chaos, await inProgressOf(chaos, agent));
    },
  },
  {
    name: 'an A2A agent killed while its caller waits (SIGKILL)',
    async inject(chaos) {
      const agent = await busyAgent(chaos, ({ card }) => card !== undefined);
      await killed(chaos, agent);
      await allEnded(chaos, await inProgressOf(chaos, agent));
    },
  },
  {
    name: 'an agent frozen until it is taken for dead, then back (SIGSTOP)',
    async inject(chaos) {
      const agent = await busyAgent(chaos);
      await frozen(chaos, [agent], async () => allEnded(chaos, await inProgressOf(chaos, agent)));
    },
  },
  {
    name: 'a storm that half recovers: most agents cut off together, half of them killed meanwhile',
    async inject(chaos) {
      const { fleet, history, random } = chaos;
      const silent = random.shuffled(fleet.agents).slice(1);
      const dead = silent.slice(0, Math.floor(silent.length / 2));
      for (const { proxy } of silent) proxy.cut();
      await history.hindered(
        silent.map(({ name }) => name),
        // The sweeps are holding by then.
        () => sleep(STUCK_AFTER_MS + random.between(500, 2_500)),
      );
      for (const agent of dead) await killed(chaos, agent);
      for (const { proxy } of silent) proxy.restore();
      for (const agent of dead) await allEnded(chaos, await inProgressOf(chaos, agent));
    },
  },
];

async function daemonsFrozen(chaos: Chaos): Promise<void> {
  signalAll(chaos, 'SIGSTOP');
  try {
    await chaos.history.outages.during(() => sleep(LONGER_THAN_THRESHOLD_MS));
  } finally {
    signalAll(chaos, 'SIGCONT');
  }
}
