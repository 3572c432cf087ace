import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';
import { busyAgent, cutOff, type Fault, FOUND_WITHIN_MS, givenUp, LONGER_THAN_THRESHOLD_MS } from './fault.ts';
import { CONTROL, DAEMONS } from './fleet.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** Connections that break, are refused, stand still, or are half open. */
export const faultsOfNetwork: readonly Fault[] = [
  {
    name: 'A2A agents cut off from their caller, not from the ledger',
    inject: ({ fleet, random }) => cutOff(fleet.a2aProxies, () => sleep(random.between(500, LONGER_THAN_THRESHOLD_MS))),
  },
  {
    name: 'backends killed (pg_terminate_backend)',
    async inject({ fleet, random }) {
      for (let round = 0; round < 5; round += 1) {
        await fleet.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE backend_type = 'client backend' AND application_name <> $1 AND random() < $2`,
          [CONTROL, random.between(0.2, 0.8)],
        );
        await sleep(random.between(50, 600));
      }
    },
  },
  {
    name: 'one daemon cut off (connections refused)',
    inject: ({ fleet, random }) =>
      cutOff([fleet.daemonProxies.get(random.pick(DAEMONS))!], () =>
        sleep(random.between(500, LONGER_THAN_THRESHOLD_MS)),
      ),
  },
  {
    name: 'all daemons cut off for longer than the threshold, their agents not',
    inject: ({ fleet, history }) =>
      cutOff([...fleet.daemonProxies.values()], () => history.outages.during(() => sleep(LONGER_THAN_THRESHOLD_MS))),
  },
  {
    name: 'all agents cut off for longer than the threshold, their daemons not',
    inject: ({ fleet, history }) =>
      cutOff(fleet.agentProxies, () => history.hindered('all', () => sleep(LONGER_THAN_THRESHOLD_MS))),
  },
  {
    name: 'everything held up in the network for longer than the threshold',
    async inject({ fleet, history }) {
      const { proxies } = fleet;
      for (const proxy of proxies) proxy.stall();
      await history.away(() => sleep(LONGER_THAN_THRESHOLD_MS));
      for (const proxy of proxies) proxy.restore();
    },
  },
  {
    name: "a daemon's connections half open (swallowed)",
    inject: ({ fleet, random }) => swallowed([fleet.daemonProxies.get(random.pick(DAEMONS))!]),
    aftermath: ({ fleet }) => givenUp([...fleet.daemonProxies.values()]),
  },
  {
    name: "the agents' connections half open (swallowed)",
    async inject(chaos) {
      await busyAgent(chaos);
      await swallowed(chaos.fleet.agentProxies);
    },
    aftermath: ({ fleet }) => givenUp(fleet.agentProxies),
  },
  {
    name: "all connections half open of an agent with the library's defaults (swallowed)",
    async inject(chaos) {
      const { proxy } = await busyAgent(chaos, ({ hasDefaults }) => hasDefaults);
      await swallowed([proxy]);
    },
    aftermath: ({ fleet }) => givenUp(fleet.agentProxies),
  },
];

async function swallowed(proxies: readonly TcpProxy[]): Promise<void> {
  const some = () => proxies.map((proxy) => proxy.swallow()).some((count) => count > 0);
  await waitFor('connections to swallow', some, { timeoutMs: FOUND_WITHIN_MS });
}
