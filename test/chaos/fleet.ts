import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { SWEEP_QUEUE } from '../../src/sweeper/schedule/schedule.ts';
import { spawnNode, type TestChild } from '../support/child.ts';
import { waitFor } from '../support/wait-for.ts';
import type { A2aAgentOptions } from './a2a-agent.ts';
import type { A2aCallerOptions } from './a2a-caller.ts';
import type { AgentOptions } from './agent.ts';
import { ChaosServer } from './chaos-server.ts';
import { daemonEnvironment } from './daemon-environment.ts';
import type { Random } from './random.ts';
import type { ServerKind } from './server-programs.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { startWaker } from './waker.ts';

export const STUCK_AFTER_MS = 5_000;
/** The sweep tries again once what it marks; nobody begins the retry. */
export const RETRIES_MAX = 1;
export const DAEMONS = ['daemon-1', 'daemon-2', 'daemon-3'] as const;
export type DaemonName = (typeof DAEMONS)[number];

export const CONTROL = 'chaos-control';
const AGENTS = 5;
/** So many of them have the library's own defaults: its pool of four connections, its timeouts. */
const AGENTS_BY_DEFAULT = 2;
/** Servers of A2A, and the calls that their one caller makes at a time. */
const A2A_AGENTS = 2;
const A2A_CALLS = 3;
const A2A_CALLER = 'a2a-caller';
const LANES = 3;
/** With the library's defaults: two of its four connections are left for heartbeats. */
const LANES_BY_DEFAULT = 2;
const STARTED_WITHIN = { timeoutMs: 120_000 };
/** A cron tick is a minute: between ticks sweeps are requested through the same queue. */
const ASK_EVERY_MS = 1_000;

const agentScript = path.join(import.meta.dirname, 'agent.ts');
const a2aAgentScript = path.join(import.meta.dirname, 'a2a-agent.ts');
const a2aCallerScript = path.join(import.meta.dirname, 'a2a-caller.ts');
const daemonScript = path.join(import.meta.dirname, 'daemon.ts');

const urlOf = (proxy: TcpProxy) => `postgresql://postgres@127.0.0.1:${proxy.port}/postgres`;

export interface Agent {
  readonly name: string;
  readonly diary: string;
  readonly child: TestChild;
  /** Between it and the server. */
  readonly proxy: TcpProxy;
  readonly hasDefaults: boolean;
  /** Of an A2A agent: its card, once it listens. */
  card?: object;
}

/** Everything that runs: the server, three daemons and the agents behind proxies, and the requests for sweeps. */
export class Fleet implements AsyncDisposable {
  readonly server: ChaosServer;
  readonly daemonProxies = new Map<DaemonName, TcpProxy>();
  readonly daemons = new Map<DaemonName, TestChild>();
  /** What the suite itself asks: no fault is in its way. */
  readonly #controlProxy: TcpProxy;
  /** STUCK_AFTER of the daemons that are started from now on. */
  stuckAfterMs = STUCK_AFTER_MS;
  /** Between the A2A agents and their caller, one for each agent that ever was. */
  readonly a2aProxies: TcpProxy[] = [];
  /** Every agent so far; those that may still work are in `agents`. */
  readonly everyAgent: Agent[] = [];
  agents: Agent[] = [];
  readonly #random: Random;
  readonly #diaries: string;
  readonly #control: pg.Pool;
  readonly #boss: PgBoss;
  readonly #stack: AsyncDisposableStack;
  readonly #waker: ChildProcess;
  #asking = true;
  #a2aCaller: Agent | undefined;

  private constructor(
    server: ChaosServer,
    controlProxy: TcpProxy,
    diaries: string,
    random: Random,
    stack: AsyncDisposableStack,
  ) {
    this.server = server;
    this.#controlProxy = controlProxy;
    this.#diaries = diaries;
    this.#random = random;
    this.#stack = stack;
    this.#waker = startWaker(diaries, server);
    stack.defer(() => void this.#waker.stdin!.end());
    const connection = { connectionString: this.controlUrl, application_name: CONTROL, query_timeout: 15_000 };
    this.#control = new pg.Pool({ ...connection, max: 2 });
    this.#control.on('error', () => undefined);
    stack.defer(() => this.#control.end());
    this.#boss = new PgBoss({
      ...connection,
      max: 1,
      migrate: false,
      createSchema: false,
      supervise: false,
      schedule: false,
    });
    // A crash of the server is expected here.
    this.#boss.on('error', () => undefined);
  }

  static async start(random: Random, kind: ServerKind): Promise<Fleet> {
    const stack = new AsyncDisposableStack();
    try {
      const server = stack.use(await ChaosServer.start(kind));
      const diaries = await mkdtemp(path.join(tmpdir(), 'delegation-sweeper-chaos-'));
      stack.defer(() => rm(diaries, { recursive: true, force: true }));
      const controlProxy = stack.use(await TcpProxy.open(() => ({ path: server.socket })));
      const fleet = new Fleet(server, controlProxy, diaries, random, stack);
      await fleet.#start();
      return fleet;
    } catch (err) {
      await stack.disposeAsync();
      throw err;
    }
  }

  async query<Row extends pg.QueryResultRow>(text: string, parameters: unknown[] = []): Promise<Row[]> {
    return (await this.#control.query<Row>(text, parameters)).rows;
  }

  get controlUrl(): string {
    return urlOf(this.#controlProxy);
  }

  /** Of the agents that may still work, and of the caller of those of A2A. */
  get agentProxies(): TcpProxy[] {
    return [...this.agents, this.#a2aCaller!].map(({ proxy }) => proxy);
  }

  get proxies(): TcpProxy[] {
    return [...this.agentProxies, ...this.daemonProxies.values()];
  }

  /** Where the suite itself writes down what it asks the ledger for. */
  get controlDiary(): string {
    return path.join(this.#diaries, CONTROL);
  }

  startDaemon(name: DaemonName): void {
    const url = `${urlOf(this.daemonProxies.get(name)!)}?application_name=${name}`;
    const daemon = spawnNode([daemonScript, 'start'], {
      env: daemonEnvironment({ url, stuckAfterMs: this.stuckAfterMs, retriesMax: RETRIES_MAX }),
    });
    this.daemons.set(name, daemon);
    this.#own(daemon);
  }

  /** As SIGTERM ends it: it is not killed, and goes on with another threshold where that has been set. */
  async restartDaemon(name: DaemonName): Promise<void> {
    const daemon = this.daemons.get(name)!;
    daemon.kill('SIGTERM');
    await daemon.exit;
    this.startDaemon(name);
  }

  async startAgent({ hasDefaults }: { readonly hasDefaults: boolean }): Promise<Agent> {
    const name = `agent-${this.everyAgent.length + 1}`;
    const proxy = await this.#openProxy();
    const options: AgentOptions = {
      ...this.#member(name, proxy),
      seed: this.#seed(),
      lanes: hasDefaults ? LANES_BY_DEFAULT : LANES,
      hasDefaults,
    };
    return this.#begin(agentScript, options, proxy, hasDefaults);
  }

  /** The SDK's server behind a proxy of its own; its caller is told when it listens. */
  async startA2aAgent(): Promise<Agent> {
    let port = 0;
    const proxy = this.#stack.use(await TcpProxy.open(() => ({ port, host: '127.0.0.1' })));
    this.a2aProxies.push(proxy);
    const toServer = await this.#openProxy();
    const options: A2aAgentOptions = {
      ...this.#member(`a2a-agent-${this.everyAgent.length + 1}`, toServer),
      agentUrl: `http://127.0.0.1:${proxy.port}/`,
      callerId: A2A_CALLER,
    };
    const agent = this.#begin(a2aAgentScript, options, toServer);
    const listening = JSON.parse(await agent.child.waitForLine((line) => line.includes('"card"'), STARTED_WITHIN));
    port = listening.port;
    agent.card = listening.card;
    this.#tellCaller();
    return agent;
  }

  async #startA2aCaller(): Promise<void> {
    const proxy = await this.#openProxy();
    const { agent: caller, ...member } = this.#member(A2A_CALLER, proxy);
    const options: A2aCallerOptions = { ...member, caller, seed: this.#seed(), lanes: A2A_CALLS };
    const child = spawnNode([a2aCallerScript, JSON.stringify(options)]);
    this.#a2aCaller = { name: A2A_CALLER, diary: options.diary, child, proxy, hasDefaults: false };
    this.everyAgent.push(this.#a2aCaller);
    this.#own(child);
  }

  #tellCaller(): void {
    const cards = this.agents.flatMap(({ card }) => (card === undefined ? [] : [card]));
    this.#a2aCaller!.child.say(JSON.stringify(cards));
  }

  async #openProxy(): Promise<TcpProxy> {
    return this.#stack.use(await TcpProxy.open(() => ({ path: this.server.socket })));
  }

  #member(agent: string, proxy: TcpProxy) {
    return { agent, url: urlOf(proxy), diary: path.join(this.#diaries, agent), stuckAfterMs: STUCK_AFTER_MS };
  }

  #seed(): number {
    return Math.floor(this.#random.between(0, 2 ** 32));
  }

  #begin(
    script: string,
    options: { readonly agent: string; readonly diary: string },
    proxy: TcpProxy,
    hasDefaults = false,
  ): Agent {
    const child = spawnNode([script, JSON.stringify(options)]);
    const agent: Agent = { name: options.agent, diary: options.diary, child, proxy, hasDefaults };
    this.everyAgent.push(agent);
    this.agents.push(agent);
    this.#own(child);
    return agent;
  }

  #own(child: TestChild): void {
    this.#stack.use(child);
    this.#waker.stdin!.write(`${child.pid}\n`);
  }

  /** Kills an agent and starts another of its kind in its place. */
  async replaceAgent(agent: Agent): Promise<void> {
    agent.child.kill('SIGKILL');
    this.agents = this.agents.filter((other) => other !== agent);
    if (agent.card === undefined) await this.startAgent(agent);
    else await this.startA2aAgent();
  }

  /** The agents finish their current work and end. */
  async finish(timeoutMs: number): Promise<void> {
    const caller = this.#a2aCaller!.child;
    caller.say('finish');
    for (const { child, card } of this.agents) {
      // While it has calls, its caller needs it.
      if (card === undefined) child.say('finish');
      else void caller.exit.then(() => child.say('finish'));
    }
    const ended = Promise.all([caller, ...this.agents.map(({ child }) => child)].map(({ exit }) => exit));
    await Promise.race([ended, sleep(timeoutMs, undefined, { ref: false })]);
  }

  async #start(): Promise<void> {
    for (const name of DAEMONS) {
      this.daemonProxies.set(name, this.#stack.use(await TcpProxy.open(() => ({ path: this.server.socket }))));
      this.startDaemon(name);
    }
    await this.#boss.start();
    this.#stack.defer(() => this.#boss.stop({ graceful: false }));
    const asking = this.#askForSweeps();
    this.#stack.defer(async () => {
      this.#asking = false;
      await asking;
    });
    const swept = async () => (await this.query('SELECT FROM sweeper_state WHERE swept_at IS NOT NULL')).length > 0;
    await waitFor('the first sweep', swept, { timeoutMs: 120_000 });
    for (let count = 0; count < AGENTS; count += 1) await this.startAgent({ hasDefaults: count < AGENTS_BY_DEFAULT });
    await this.#startA2aCaller();
    for (let count = 0; count < A2A_AGENTS; count += 1) await this.startA2aAgent();
  }

  async #askForSweeps(): Promise<void> {
    while (this.#asking) {
      // Refused while one is queued or running, lost while the server is away; requested again in both cases.
      await this.#boss.send(SWEEP_QUEUE, { trigger: 'manual' }).catch(() => undefined);
      await sleep(ASK_EVERY_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
