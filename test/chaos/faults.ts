import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';
import { SLOW_CALLEE } from './chaos-server.ts';
import { type Agent, CONTROL, DAEMONS, type DaemonName, type Fleet, STUCK_AFTER_MS } from './fleet.ts';
import type { Outages } from './outages.ts';
import type { Random } from './random.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export interface Chaos {
  readonly fleet: Fleet;
  readonly outages: Outages;
  readonly random: Random;
}

export interface Fault {
  readonly name: string;
  /** Injects the fault and ends it. Rejects when the state that it waits for is not reached. */
  readonly inject: (chaos: Chaos) => Promise<void>;
  /** Set when a fault takes so long that others are injected meanwhile; awaited at the end. */
  readonly aftermath?: (chaos: Chaos) => Promise<void>;
}

/** A dead replica's job is found after its heartbeat (10 s) by a supervisor (10 s), and retried; a storm holds for 6 s. */
const FOUND_WITHIN_MS = 120_000;
const LONGER_THAN_THRESHOLD_MS = STUCK_AFTER_MS + 2_000;
/** Several sweeps, but less than a threshold: counting unobserved time would mark falsely within it. */
const A_LITTLE_LONGER_MS = STUCK_AFTER_MS / 2;

/** Delegations that an agent started and abandoned, all at once: a sweep with several slow batches. Returns their ids. */
async function leaveBacklog({ fleet, random }: Chaos): Promise<string[]> {
  const prefix = `backlog-${Math.floor(random.between(0, 2 ** 32))}`;
  const rows = await fleet.query<{ id: string }>(
    `WITH row AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat)
       SELECT $1 || '-' || n, 'chaos', $2, 'task', 'in_progress', clock_timestamp() - interval '1 day'
       FROM generate_series(1, 7) n RETURNING delegation_id)
     INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
     SELECT delegation_id, 'delegation.' || step.to, step.from, step.to, 'chaos'
     FROM row CROSS JOIN LATERAL (VALUES (1, NULL, 'queued'), (2, 'queued', 'in_progress')) step (n, "from", "to")
     ORDER BY delegation_id, step.n RETURNING delegation_id AS id`,
    [prefix, SLOW_CALLEE],
  );
  return [...new Set(rows.map(({ id }) => id))];
}

/** The daemon whose batch is being marked right now. */
async function sweepingDaemon({ fleet }: Chaos): Promise<DaemonName> {
  const marking = `SELECT application_name AS name FROM pg_stat_activity
    WHERE state = 'active' AND application_name = ANY($1) AND wait_event = 'PgSleep'`;
  const find = async () => (await fleet.query<{ name: DaemonName }>(marking, [DAEMONS]))[0]?.name;
  return waitFor('a sweep in its middle', find, { timeoutMs: FOUND_WITHIN_MS });
}

async function allEnded({ fleet }: Chaos, ids: readonly string[]): Promise<void> {
  const open = 'SELECT FROM delegations WHERE delegation_id = ANY($1) AND finished_at IS NULL';
  await waitFor(
    'the silent delegations to be found',
    async () => (await fleet.query(open, [ids]).catch(() => ['away'])).length === 0,
    { timeoutMs: FOUND_WITHIN_MS },
  );
}

/** An agent in the middle of its work. */
async function busyAgent({ fleet, random }: Chaos, isMeant: (agent: Agent) => boolean = () => true): Promise<Agent> {
  const busy = async () => {
    const rows = await fleet.query<{ name: string }>(
      `SELECT callee_id AS name FROM delegations WHERE status = 'in_progress'
       AND last_heartbeat > clock_timestamp() - interval '1 second' GROUP BY callee_id HAVING count(*) >= CASE WHEN callee_id LIKE 'a2a-%' THEN 1 ELSE 2 END`,
    );
    const names = new Set(rows.map(({ name }) => name));
    const agents = fleet.agents.filter((agent) => names.has(agent.name) && isMeant(agent));
    return agents.length > 0 ? random.pick(agents) : undefined;
  };
  return waitFor('an agent at work', busy, { timeoutMs: FOUND_WITHIN_MS });
}

async function inProgressOf({ fleet }: Chaos, agent: Agent): Promise<string[]> {
  const rows = await fleet.query<{ id: string }>(
    `SELECT delegation_id AS id FROM delegations WHERE callee_id = $1 AND status = 'in_progress'`,
    [agent.name],
  );
  return rows.map(({ id }) => id);
}

const signalAll = ({ fleet }: Chaos, signal: NodeJS.Signals) => {
  for (const daemon of fleet.daemons.values()) daemon.kill(signal);
};

/** After the query timeout, or after being idle too long: sixty seconds each. */
async function givenUp(proxies: readonly TcpProxy[]): Promise<void> {
  const left = () => proxies.every(({ halfOpen }) => halfOpen === 0);
  await waitFor('half-open connections to be given up', left, { timeoutMs: FOUND_WITHIN_MS });
}

export const faults: readonly Fault[] = [
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
    async inject(chaos) {
      signalAll(chaos, 'SIGSTOP');
      await chaos.outages.during(() => sleep(LONGER_THAN_THRESHOLD_MS));
      signalAll(chaos, 'SIGCONT');
    },
  },
  {
    name: 'all daemons frozen, one agent with them and a little longer',
    async inject(chaos) {
      const agent = await busyAgent(chaos);
      agent.child.kill('SIGSTOP');
      signalAll(chaos, 'SIGSTOP');
      await chaos.outages.during(() => sleep(LONGER_THAN_THRESHOLD_MS));
      signalAll(chaos, 'SIGCONT');
      await sleep(A_LITTLE_LONGER_MS);
      agent.child.kill('SIGCONT');
    },
  },
  {
    name: 'the server away for longer than the threshold, one agent frozen a little longer',
    async inject(chaos) {
      const agent = await busyAgent(chaos);
      agent.child.kill('SIGSTOP');
      await chaos.fleet.server.crash();
      await chaos.outages.during(async () => {
        await sleep(LONGER_THAN_THRESHOLD_MS);
        await chaos.fleet.server.restart();
      });
      await sleep(A_LITTLE_LONGER_MS);
      agent.child.kill('SIGCONT');
    },
  },
  {
    name: 'an agent killed in its work (SIGKILL)',
    async inject(chaos) {
      const agent = await busyAgent(chaos);
      await chaos.fleet.replaceAgent(agent);
      await agent.child.exit;
      await allEnded(chaos, await inProgressOf(chaos, agent));
    },
  },
  {
    name: 'an A2A agent killed while its caller waits (SIGKILL)',
    async inject(chaos) {
      const agent = await busyAgent(chaos, ({ card }) => card !== undefined);
      await chaos.fleet.replaceAgent(agent);
      await agent.child.exit;
      await allEnded(chaos, await inProgressOf(chaos, agent));
    },
  },
  {
    name: 'A2A agents cut off from their caller, not from the ledger',
    async inject({ fleet, random }) {
      for (const proxy of fleet.a2aProxies) proxy.cut();
      await sleep(random.between(500, LONGER_THAN_THRESHOLD_MS));
      for (const proxy of fleet.a2aProxies) proxy.restore();
    },
  },
  {
    name: 'an agent frozen until it is taken for dead, then back (SIGSTOP)',
    async inject(chaos) {
      const agent = await busyAgent(chaos);
      agent.child.kill('SIGSTOP');
      try {
        await allEnded(chaos, await inProgressOf(chaos, agent));
      } finally {
        agent.child.kill('SIGCONT');
      }
    },
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
    name: 'the server crashed and restarted at once (SIGQUIT)',
    async inject({ fleet, outages }) {
      await fleet.server.crash();
      await outages.during(() => fleet.server.restart());
    },
  },
  {
    name: 'the server crashed in mid-sweep, away for longer than the threshold',
    async inject(chaos) {
      const backlog = await leaveBacklog(chaos);
      await sweepingDaemon(chaos);
      await chaos.fleet.server.crash();
      await chaos.outages.during(async () => {
        await sleep(LONGER_THAN_THRESHOLD_MS);
        await chaos.fleet.server.restart();
      });
      await allEnded(chaos, backlog);
    },
  },
  {
    name: 'one daemon cut off (connections refused)',
    async inject({ fleet, random }) {
      const proxy = fleet.daemonProxies.get(random.pick(DAEMONS))!;
      proxy.cut();
      await sleep(random.between(500, LONGER_THAN_THRESHOLD_MS));
      proxy.restore();
    },
  },
  {
    name: 'all daemons cut off for longer than the threshold, their agents not',
    async inject({ fleet, outages }) {
      for (const proxy of fleet.daemonProxies.values()) proxy.cut();
      await outages.during(() => sleep(LONGER_THAN_THRESHOLD_MS));
      for (const proxy of fleet.daemonProxies.values()) proxy.restore();
    },
  },
  {
    name: 'all agents cut off for longer than the threshold, their daemons not',
    async inject({ fleet }) {
      fleet.agentProxy.cut();
      await sleep(LONGER_THAN_THRESHOLD_MS);
      fleet.agentProxy.restore();
    },
  },
  {
    name: 'everything held up in the network for longer than the threshold',
    async inject({ fleet, outages }) {
      for (const proxy of fleet.proxies) proxy.stall();
      await outages.during(() => sleep(LONGER_THAN_THRESHOLD_MS));
      for (const proxy of fleet.proxies) proxy.restore();
    },
  },
  {
    name: "a daemon's connections half open (swallowed)",
    async inject({ fleet, random }) {
      const proxy = fleet.daemonProxies.get(random.pick(DAEMONS))!;
      await waitFor('connections to swallow', () => proxy.swallow(), { timeoutMs: FOUND_WITHIN_MS });
    },
    aftermath: ({ fleet }) => givenUp([...fleet.daemonProxies.values()]),
  },
  {
    name: "the agents' connections half open (swallowed)",
    async inject(chaos) {
      await busyAgent(chaos);
      const { agentProxy } = chaos.fleet;
      await waitFor('connections to swallow', () => agentProxy.swallow(), { timeoutMs: FOUND_WITHIN_MS });
    },
    aftermath: ({ fleet }) => givenUp([fleet.agentProxy]),
  },
];
