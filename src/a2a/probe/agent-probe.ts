import { ClientFactory, JsonRpcTransportFactory, RestTransportFactory } from '@a2a-js/sdk/client';
import { Slots } from '../../lifecycle/slots.ts';
import { CheckedLookup, type Resolve } from '../../net/checked-lookup.ts';
import type { ProbeAnswer, ProbeLimits, SuspectProbe, SuspectTask } from '../../sweeper/probe/suspect-probe.ts';
import { observationOf } from '../task-state.ts';
import { AgentCards } from './agent-cards.ts';
import { AllowList } from './allow-list.ts';
import { checkedFetch, type FetchParts } from './checked-fetch.ts';
import { Credentials } from './credentials.ts';
import { failureOf, ProbeFailure } from './probe-failure.ts';
import { fingerprintOf } from './task-fingerprint.ts';

const CARD_BYTES_MAX = 1_048_576;
const TASK_BYTES_MAX = 4_194_304;
/** Large answers in memory at once, each until it is taken. */
const LARGE_MAX = 4;
/** Of a task's messages: they are told to nobody, and the last one shows a change. */
const HISTORY_LENGTH = 1;

export interface AgentProbeOptions {
  /** Each `host`, `host:port` or `*.suffix`. */
  readonly allow: readonly string[];
  readonly allowPrivate: boolean;
  readonly credentialsDir: string | null;
  /** How names are resolved; default: as the system does. */
  readonly resolve?: Resolve;
}

/** Asks A2A agents for their tasks with the SDK's client: JSON-RPC and REST, protocol 1.0 and 0.3. gRPC is not asked. */
export class AgentProbe implements SuspectProbe {
  readonly #parts: FetchParts;
  readonly #cards = new AgentCards();
  readonly #large = new Slots(LARGE_MAX);

  constructor({ allow, allowPrivate, credentialsDir, resolve }: AgentProbeOptions) {
    this.#parts = {
      allowed: new AllowList(allow),
      lookup: new CheckedLookup(allowPrivate, resolve),
      credentials: new Credentials(credentialsDir),
    };
  }

  refusal(agentUrl: string): string | null {
    const url = URL.parse(agentUrl);
    if (url === null || !/^https?:$/.test(url.protocol)) return 'binding';
    return this.#parts.allowed.allows(url) ? null : 'host';
  }

  async ask(
    tasks: readonly SuspectTask[],
    { timeoutMs, signal }: ProbeLimits,
    take: (task: SuspectTask, answer: ProbeAnswer) => Promise<void>,
  ): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    await Promise.all(tasks.map((task) => this.#askOne(task, limit, take)));
  }

  async #askOne(
    task: SuspectTask,
    signal: AbortSignal,
    take: (task: SuspectTask, answer: ProbeAnswer) => Promise<void>,
  ): Promise<void> {
    let giveBack: (() => void) | undefined;
    const beforeLarge = async () => {
      giveBack ??= await this.#large.take(signal);
    };
    try {
      await take(task, await this.#answerOf(task, { signal, beforeLarge }));
    } finally {
      giveBack?.();
    }
  }

  async #answerOf(
    { agentUrl, tenant, taskId }: SuspectTask,
    limits: { readonly signal: AbortSignal; readonly beforeLarge: () => Promise<void> },
  ): Promise<ProbeAnswer> {
    try {
      const refusal = this.refusal(agentUrl);
      if (refusal !== null) throw new ProbeFailure('not_asked', refusal);
      const fetchOf = (bytesMax: number) => checkedFetch(this.#parts, { ...limits, bytesMax });
      const card = await this.#cards.cardOf(agentUrl, fetchOf(CARD_BYTES_MAX));
      const transport = { fetchImpl: fetchOf(TASK_BYTES_MAX), legacyCompat: { enabled: true } };
      const transports = [new JsonRpcTransportFactory(transport), new RestTransportFactory(transport)];
      const client = await new ClientFactory({ transports }).createFromAgentCard(card);
      const task = await client.getTask(
        { tenant, id: taskId, historyLength: HISTORY_LENGTH },
        { signal: limits.signal },
      );
      const seen = observationOf(task);
      if (task.id !== taskId || seen === undefined) throw new ProbeFailure('unusable', 'other_task');
      return { seen, fingerprint: fingerprintOf(task) };
    } catch (err) {
      const { outcome, reason } = failureOf(limits.signal.aborted ? new ProbeFailure('no_answer', 'timeout') : err);
      if (outcome === 'refused' || outcome === 'unusable') this.#cards.forget(agentUrl);
      return { outcome, reason };
    }
  }
}
