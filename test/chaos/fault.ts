import { waitFor } from '../support/wait-for.ts';
import type { Ability } from './chaos-server.ts';
import { type Agent, DAEMONS, type DaemonName, type Fleet, STUCK_AFTER_MS } from './fleet.ts';
import type { History } from './history.ts';
import { SLOW_CALLEE } from './meters.ts';
import type { Random } from './random.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export interface Chaos {
  readonly fleet: Fleet;
  readonly history: History;
  readonly random: Random;
}

export interface Fault {
  readonly name: string;
  /** What the machine must be able to do. */
  readonly needs?: Ability;
  /** Injects the fault and ends it. Rejects when the state that it waits for is not reached. */
  readonly inject: (chaos: Chaos) => Promise<void>;
  /** Set when a fault takes so long that others are injected meanwhile; awaited at the end. */
  readonly aftermath?: (chaos: Chaos) => Promise<void>;
}

/** A dead replica's job is found after its heartbeat (10 s) by a supervisor (10 s), and retried; a storm holds for 6 s. */
export const FOUND_WITHIN_MS = 120_000;
export const LONGER_THAN_THRESHOLD_MS = STUCK_AFTER_MS + 2_000;
/** Several sweeps, but less than a threshold: counting unobserved time would mark falsely within it. */
export const A_LITTLE_LONGER_MS = STUCK_AFTER_MS / 2;

/**
 * Delegations that an agent started and abandoned, all at once: a sweep with several slow batches. Returns their ids. They were
 * last heard after the daemons' threshold was last lowered: from before, that of ten minutes would count, which a ledger
 * without daemons has, and it would count anew after a failover or a clock that was set back.
 */
export async function leaveBacklog({ fleet, random }: Chaos): Promise<string[]> {
  const prefix = `backlog-${Math.floor(random.between(0, 2 ** 32))}`;
  const rows = await fleet.query<{ id: string }>(
    `WITH row AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat)
       SELECT $1 || '-' || n, 'chaos', $2, 'task', 'in_progress',
         (SELECT max(lowered_at) + interval '1 millisecond' FROM sweeper_lowerings WHERE lowered_at < clock_timestamp())
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
export async function sweepingDaemon({ fleet }: Chaos): Promise<DaemonName> {
  const marking = `SELECT application_name AS name FROM pg_stat_activity
    WHERE state = 'active' AND application_name = ANY($1) AND wait_event = 'PgSleep'`;
  const find = async () => (await fleet.query<{ name: DaemonName }>(marking, [DAEMONS]))[0]?.name;
  return waitFor('a sweep in its middle', find, { timeoutMs: FOUND_WITHIN_MS });
}

export async function allEnded({ fleet }: Chaos, ids: readonly string[]): Promise<void> {
  const open = 'SELECT FROM delegations WHERE delegation_id = ANY($1) AND finished_at IS NULL';
  await waitFor(
    'the silent delegations to be found',
    async () => (await fleet.query(open, [ids]).catch(() => ['away'])).length === 0,
    { timeoutMs: FOUND_WITHIN_MS },
  );
}

/** An agent in the middle of its work. */
export async function busyAgent(
  { fleet, random }: Chaos,
  isMeant: (agent: Agent) => boolean = () => true,
): Promise<Agent> {
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

export async function inProgressOf({ fleet }: Chaos, agent: Agent): Promise<string[]> {
  const rows = await fleet.query<{ id: string }>(
    `SELECT delegation_id AS id FROM delegations WHERE callee_id = $1 AND status = 'in_progress'`,
    [agent.name],
  );
  return rows.map(({ id }) => id);
}

export const signalAll = ({ fleet }: Chaos, signal: NodeJS.Signals) => {
  for (const daemon of fleet.daemons.values()) daemon.kill(signal);
};

/** It can't run, and is not heard, until `work` has ended. */
export async function frozen(
  { history }: Chaos,
  agents: readonly Agent[],
  work: () => Promise<unknown>,
): Promise<void> {
  for (const { child } of agents) child.kill('SIGSTOP');
  try {
    await history.hindered(
      agents.map(({ name }) => name),
      work,
    );
  } finally {
    for (const { child } of agents) child.kill('SIGCONT');
  }
}

/** Killed, and another in its place. */
export async function killed({ fleet, history }: Chaos, agent: Agent): Promise<void> {
  history.gone(agent.name);
  await fleet.replaceAgent(agent);
  await agent.child.exit;
}

/** Cut off, and heard again after `work`. */
export async function cutOff(proxies: readonly TcpProxy[], work: () => Promise<unknown>): Promise<void> {
  for (const proxy of proxies) proxy.cut();
  try {
    await work();
  } finally {
    for (const proxy of proxies) proxy.restore();
  }
}

/** After the query timeout, or after being idle too long: sixty seconds each. */
export async function givenUp(proxies: readonly TcpProxy[]): Promise<void> {
  const left = () => proxies.every(({ halfOpen }) => halfOpen === 0);
  await waitFor('half-open connections to be given up', left, { timeoutMs: FOUND_WITHIN_MS });
}
