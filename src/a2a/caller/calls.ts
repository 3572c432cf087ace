import type { AgentCard, SendMessageRequest } from '@a2a-js/sdk';
import type { RequestOptions } from '@a2a-js/sdk/client';
import type { Observation } from '../task-state.ts';
import { Call, type CallOf } from './call.ts';
import type { KnownTasks } from './known-tasks.ts';
import { newDelegation } from './new-delegation.ts';
import type { CallerSettings } from './options.ts';
import type { Patience } from './patience.ts';
import { type Delegated, Watch } from './watch.ts';

const never = () => false;

/** The calls to one agent, each with its delegation. Nothing here throws or rejects. */
export class Calls {
  readonly #settings: CallerSettings;
  readonly #tasks: KnownTasks;
  readonly #patience: Patience;
  readonly #card: AgentCard;
  readonly #agentUrl: string;

  constructor(settings: CallerSettings, tasks: KnownTasks, patience: Patience, card: AgentCard, agentUrl: string) {
    this.#settings = settings;
    this.#tasks = tasks;
    this.#patience = patience;
    this.#card = card;
    this.#agentUrl = agentUrl;
  }

  /** A message goes out: its delegation is recorded, or the one that it goes on with resumes. Waits for that, within bounds. */
  async begin(request: SendMessageRequest, options: RequestOptions | undefined): Promise<Call> {
    const { tenant = '', message } = request ?? {};
    if (message?.taskId) return this.#goOn({ tenant, taskId: message.taskId }, request, options);
    const delegated = this.#record(request, options);
    const watch = this.#watch(tenant, delegated);
    await this.#patience.wait(delegated);
    return this.#call({ tenant, watch, begins: () => true });
  }

  /** A call about a task that is there. */
  about({ tenant, taskId }: { readonly tenant: string; readonly taskId: string }): Call {
    const task = { agentUrl: this.#agentUrl, tenant, taskId };
    const known = this.#tasks.get(task);
    if (known !== undefined) return this.#call({ tenant, watch: known, begins: never });
    const { ledger, callerId } = this.#settings;
    const delegated = ledger.a2aTasks.find(task, { callerId }).then(
      (found) => found && { delegationId: found.delegationId, found },
      () => undefined,
    );
    const watch = this.#tasks.add(task, this.#watch(tenant, delegated));
    // It is looked for again with the next call.
    void delegated.then((found) => found ?? this.#tasks.delete(task, watch));
    return this.#call({ tenant, watch, begins: never });
  }

  /** Of a list of tasks: those that this process has seen before. */
  seenBefore({ tenant, taskId }: { readonly tenant: string; readonly taskId: string }): Call | undefined {
    const watch = this.#tasks.get({ agentUrl: this.#agentUrl, tenant, taskId });
    return watch && this.#call({ tenant, watch, begins: never });
  }

  async #goOn(
    { tenant, taskId }: { readonly tenant: string; readonly taskId: string },
    request: SendMessageRequest,
    options: RequestOptions | undefined,
  ): Promise<Call> {
    const task = { agentUrl: this.#agentUrl, tenant, taskId };
    const known = this.#tasks.get(task);
    if (known !== undefined) {
      const waitedFor = known.wait;
      if (waitedFor !== undefined) known.observe({ step: 'in_progress' });
      await this.#patience.wait(known.settled());
      return this.#call({ tenant, watch: known, begins: never, waitedFor: () => waitedFor });
    }
    const { ledger, callerId } = this.#settings;
    const resumed = ledger.a2aTasks.resume(task, { callerId });
    let begins = false;
    let waitedFor: Observation | undefined;
    const delegated = resumed.then((found) => {
      begins = found === undefined;
      if (found?.waitingReason) waitedFor = { step: 'waiting', reason: found.waitingReason };
      return found ?? this.#record(request, options);
    });
    const watch = this.#tasks.add(task, this.#watch(tenant, delegated));
    // A second round trip would be one too many: a task that the ledger does not know is recorded while the message is out.
    await this.#patience.wait(resumed);
    return this.#call({ tenant, watch, begins: () => begins, waitedFor: () => waitedFor });
  }

  async #record(request: SendMessageRequest, options: RequestOptions | undefined): Promise<Delegated> {
    try {
      const delegation = newDelegation(this.#settings, this.#agentUrl, { request, card: this.#card, options });
      const { outcome, delegationId } = await this.#settings.ledger.insert(delegation);
      // What failed may be recorded all the same; if it is not, what is told of it is kept for the ledger to be healed from.
      return outcome === 'invalid' ? undefined : { delegationId };
    } catch {
      // A message that is no message: the agent will say so.
      return undefined;
    }
  }

  #watch(tenant: string, delegated: Promise<Delegated>): Watch {
    const { ledger, waitForMs } = this.#settings;
    return new Watch({ ledger, delegated, agent: { agentUrl: this.#agentUrl, tenant }, waitForMs });
  }

  #call(of: Omit<CallOf, 'agentUrl'>): Call {
    return new Call(this.#tasks, this.#patience, { agentUrl: this.#agentUrl, ...of });
  }
}
