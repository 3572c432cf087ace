import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseLocation } from '../db/connection.ts';
import type { DelegationLedger } from '../index.ts';
import type { EventLog } from '../log/event-log.ts';
import { AgentProcess } from './agent-process.ts';
import { relayTo } from './demo-process.ts';
import { ORCHESTRATOR, Orchestrator } from './orchestrator.ts';
import type { Role, Scene } from './role.ts';
import { type Result, resultOf } from './verdict.ts';

export interface PerformanceOptions {
  readonly ledger: DelegationLedger;
  readonly log: EventLog;
  readonly location: DatabaseLocation;
  readonly dbSchema: string;
  /** Ends it at once: rejects with its reason. */
  readonly interrupt: AbortSignal;
  /** Ends the waiting: what has not happened by then is reported as a problem of its role. */
  readonly limit: AbortSignal;
  readonly onSettled: (role: string) => void;
}

/** Plays all roles at once, each with an agent process of its own, and judges the ledger at the end. */
export async function perform(cast: readonly Role[], options: PerformanceOptions): Promise<Result[]> {
  const { ledger, log, location, dbSchema, interrupt, limit } = options;
  const signal = AbortSignal.any([interrupt, limit]);
  await using troupe = new AsyncDisposableStack();
  const agents = new Map<Role, AgentProcess>();
  for (const role of cast) {
    if (role.work === null) continue;
    const agent = troupe.use(new AgentProcess(role.name, relayTo(log)));
    agent.order({ kind: 'connect', agent: role.name, location, dbSchema });
    agents.set(role, agent);
  }
  await Promise.all([...agents.values()].map((agent) => agent.heard('ready', signal)));
  const secondAttempts = new Map(
    cast.flatMap(({ name, retryOf }) => (retryOf === undefined ? [] : [[idOf(retryOf), idOf(name)] as const])),
  );
  const performances = new Map<string, Performance>();
  const onRetried = (id: string) =>
    performances.get(id)!.say('retried', 'is dead: its orchestrator, which watches, tries its delegation again');
  const orchestrator = troupe.use(new Orchestrator({ ledger, secondAttempts, signal, onRetried }));
  for (const role of cast) {
    performances.set(idOf(role.name), new Performance(role, agents.get(role), orchestrator, signal, options));
  }
  await orchestrator.begun();
  return await Promise.all([...performances.values()].map((performance) => performance.run()));
}

function idOf(role: string): string {
  return `demo-${role}`;
}

class Performance implements Scene {
  readonly signal: AbortSignal;
  readonly #role: Role;
  readonly #agent: AgentProcess | undefined;
  readonly #orchestrator: Orchestrator;
  readonly #options: PerformanceOptions;
  readonly #delegationId: string;

  constructor(
    role: Role,
    agent: AgentProcess | undefined,
    orchestrator: Orchestrator,
    signal: AbortSignal,
    options: PerformanceOptions,
  ) {
    this.#role = role;
    this.#agent = agent;
    this.#orchestrator = orchestrator;
    this.signal = signal;
    this.#options = options;
    this.#delegationId = idOf(role.name);
  }

  async run(): Promise<Result> {
    const { interrupt, limit, onSettled } = this.#options;
    let failure: string | null = null;
    const happened = await this.#play().catch((err: Error) => {
      interrupt.throwIfAborted();
      failure = limit.aborted ? 'not over within the time limit' : err.message;
      return failure;
    });
    onSettled(this.#role.name);
    return this.#judge(happened, failure);
  }

  async #play(): Promise<string> {
    const { work, play, retryOf } = this.#role;
    if (retryOf === undefined) await this.#insert();
    else await this.#orchestrator.retried(this.#delegationId);
    if (work === null) {
      this.say('queued', 'has a delegation that no agent takes');
      return play(this);
    }
    await this.#options.ledger.setStatus(this.#delegationId, 'dispatched', { actor: ORCHESTRATOR });
    this.#agent!.order({ kind: 'take', delegationId: this.#delegationId, work });
    await this.#agent!.heard('working', this.signal);
    const whose = retryOf === undefined ? 'its delegation' : `what ${retryOf} left undone`;
    this.say('working', `takes ${whose} (process ${this.#agent!.pid})`);
    return play(this, this.#agent!);
  }

  async #insert(): Promise<void> {
    const { name, deadlineMs } = this.#role;
    const { outcome } = await this.#options.ledger.insert({
      delegationId: this.#delegationId,
      callerId: ORCHESTRATOR,
      calleeId: name,
      taskPreview: `a task for ${name}`,
      deadlineMs,
    });
    if (outcome !== 'inserted') throw new Error(`its delegation was not recorded: ${outcome}`);
  }

  readonly say: Scene['say'] = (act, detail) => {
    const pid = this.#agent?.pid ?? null;
    this.#options.log.emit('demo.agent', {
      agent: this.#role.name,
      delegationId: this.#delegationId,
      pid,
      act,
      detail,
    });
  };

  readonly wait: Scene['wait'] = (ms) => sleep(ms, undefined, { signal: this.signal });

  readonly finished: Scene['finished'] = () => this.#orchestrator.ended(this.#delegationId);

  async #judge(happened: string, failure: string | null): Promise<Result> {
    const { ledger } = this.#options;
    const { name: agent, ending } = this.#role;
    const delegationId = this.#delegationId;
    const [row, history] = [await ledger.get(delegationId), await ledger.history(delegationId)];
    return resultOf({ agent, delegationId, ending, happened, failure }, row, history);
  }
}
