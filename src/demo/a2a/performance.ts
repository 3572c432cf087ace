import { setTimeout as sleep } from 'node:timers/promises';
import { type Activity, type Delegation, isTerminal } from '../../index.ts';
import { DemoProcess, relayTo } from '../demo-process.ts';
import type { PerformanceOptions } from '../performance.ts';
import { type Result, resultOf } from '../verdict.ts';
import { type A2aRole, type A2aScene, type AgentName, agents, cast } from './cast.ts';
import {
  type CallerOrder,
  type CallerReport,
  delegationIdOf,
  type LedgerPlace,
  type ServerOrder,
  type ServerReport,
} from './protocol.ts';

type Server = DemoProcess<ServerOrder, ServerReport>;
type Caller = DemoProcess<CallerOrder, CallerReport>;

interface Troupe {
  readonly servers: ReadonlyMap<AgentName, { readonly process: Server; readonly url: string }>;
  readonly callers: ReadonlyMap<A2aRole['caller'], Caller>;
}

const LOOK_EVERY_MS = 200;

/** Plays all roles at once, on three servers and two callers, and judges the ledger at the end. */
export async function perform(options: PerformanceOptions): Promise<Result[]> {
  const signal = AbortSignal.any([options.interrupt, options.limit]);
  await using processes = new AsyncDisposableStack();
  const troupe = await start(processes, options, signal);
  return await Promise.all(cast.map((role) => new Performance(role, troupe, signal, options).run()));
}

async function start(
  processes: AsyncDisposableStack,
  { log, location, dbSchema }: PerformanceOptions,
  signal: AbortSignal,
): Promise<Troupe> {
  const place: LedgerPlace = { location, dbSchema };
  const onLog = relayTo(log);
  const servers = agents.map((agent) => {
    const server: Server = processes.use(new DemoProcess(agent, new URL('server', import.meta.url), onLog));
    server.order({ kind: 'serve', agent, ledger: agent === 'stranger' ? null : place });
    return [agent, server] as const;
  });
  const callers = (['planner', 'absent'] as const).map((name) => {
    const caller: Caller = processes.use(new DemoProcess(name, new URL('caller', import.meta.url), onLog));
    caller.order({ kind: 'connect', ledger: place });
    return [name, caller] as const;
  });
  const listening = servers.map(async ([agent, process]) => {
    const { url } = await process.heard('listening', signal);
    return [agent, { process, url }] as const;
  });
  await Promise.all(callers.map(([, caller]) => caller.heard('connected', signal)));
  return { servers: new Map(await Promise.all(listening)), callers: new Map(callers) };
}

class Performance implements A2aScene {
  readonly #role: A2aRole;
  readonly #server: { readonly process: Server; readonly url: string };
  readonly #caller: Caller;
  readonly #signal: AbortSignal;
  readonly #options: PerformanceOptions;
  readonly #delegationId: string;

  constructor(role: A2aRole, { servers, callers }: Troupe, signal: AbortSignal, options: PerformanceOptions) {
    this.#role = role;
    this.#server = servers.get(role.agent)!;
    this.#caller = callers.get(role.caller)!;
    this.#signal = signal;
    this.#options = options;
    this.#delegationId = delegationIdOf(role.name);
  }

  async run(): Promise<Result> {
    const { interrupt, limit, onSettled } = this.#options;
    const { name, agent, work, reconnects, play } = this.#role;
    let failure: string | null = null;
    const playing = async () => {
      this.#caller.order({ kind: 'call', role: name, agent, url: this.#server.url, work, reconnects });
      await this.#caller.heard('working', this.#signal, name);
      this.say('working', `has a task at ${this.#role.agent} (process ${this.#server.process.pid})`);
      return await play(this);
    };
    const happened = await playing().catch((err: Error) => {
      interrupt.throwIfAborted();
      failure = limit.aborted ? 'not over within the time limit' : err.message;
      return failure;
    });
    onSettled(name);
    return this.#judge(happened, failure);
  }

  readonly say: A2aScene['say'] = (act, detail) => {
    const { name: agent } = this.#role;
    const pid = this.#server.process.pid;
    this.#options.log.emit('demo.agent', { agent, delegationId: this.#delegationId, pid, act, detail });
  };

  readonly wait: A2aScene['wait'] = (ms) => sleep(ms, undefined, { signal: this.#signal });

  readonly heard: A2aScene['heard'] = (kind) => this.#caller.heard(kind, this.#signal, this.#role.name);

  readonly told: A2aScene['told'] = async (sinceMs) => {
    const { status } = await this.#caller.heard('told', this.#signal, this.#role.name);
    return { status, afterMs: performance.now() - sinceMs };
  };

  readonly probed: A2aScene['probed'] = async () => {
    const isProbed = ({ event }: Activity) => event === 'delegation.probed';
    while (!(await this.#options.ledger.history(this.#delegationId)).some(isProbed)) await this.wait(LOOK_EVERY_MS);
  };

  readonly finished: A2aScene['finished'] = async (): Promise<Delegation> => {
    for (;;) {
      const row = await this.#options.ledger.get(this.#delegationId);
      if (row && isTerminal(row.status)) return row;
      await this.wait(LOOK_EVERY_MS);
    }
  };

  readonly answer: A2aScene['answer'] = () => this.#caller.order({ kind: 'answer', role: this.#role.name });

  readonly cutStreams: A2aScene['cutStreams'] = () => this.#server.process.order({ kind: 'cut' });

  readonly killAgent: A2aScene['killAgent'] = () => kill(this.#server.process);

  readonly killCaller: A2aScene['killCaller'] = () => kill(this.#caller);

  async #judge(happened: string, failure: string | null): Promise<Result> {
    const { ledger } = this.#options;
    const { name: agent, ending } = this.#role;
    const delegationId = this.#delegationId;
    const [row, history] = [await ledger.get(delegationId), await ledger.history(delegationId)];
    return resultOf({ agent, delegationId, ending, happened, failure }, row, oneProbe(history));
  }
}

async function kill(process: Server | Caller): Promise<void> {
  process.kill();
  await process.gone;
}

/** How often a delegation is asked about depends on the sweeps. */
function oneProbe(history: readonly Activity[]): Activity[] {
  return history.filter(({ event }, at) => event !== 'delegation.probed' || history[at - 1]?.event !== event);
}
