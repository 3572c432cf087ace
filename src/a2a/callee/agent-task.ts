import { Message } from '@a2a-js/sdk';
import type { ServerCallContext } from '@a2a-js/sdk/server';
import type { A2aStoreState, A2aTask, Status } from '../../index.ts';
import { Follower } from '../follower.ts';
import { calleeOf, idempotencyKeyOf } from '../ledger-id.ts';
import { LEDGER_RETRIES_MAX, pauseBeforeRetry } from '../ledger-retry.ts';
import { type Observation, textOf } from '../task-state.ts';
import { uuidv7 } from '../uuidv7.ts';
import type { CalleeOptions } from './callee-options.ts';
import { callerOf, scopeOf } from './task-scope.ts';

/** What a delegation is made from, when the task is first seen. */
export interface FirstSight {
  readonly taskId: string;
  readonly contextId: string | undefined;
  /** Of the one who delegated. */
  readonly message: Message | undefined;
}

/** In the activity: the caller's side of the same delegation may record as well. */
const AGENT_ACTOR = 'a2a-agent';
/** The SDK's call waits so long for the ledger at most, and only for an end. */
const SETTLED_MAX_MS = 1_000;

/** One task of this agent, and the delegation that follows it. Nothing here throws or rejects. */
export class AgentTask {
  readonly #options: CalleeOptions;
  readonly task: A2aTask;
  /** Undefined when the ledger could not be reached for ten minutes, or takes no such delegation. */
  readonly delegationId: Promise<string | undefined>;
  readonly #follower: Follower;
  readonly #lost = new Set<(status: Status) => void>();
  #ledgerIsAway = false;
  #isGivenUp = false;
  /** Executions under way in this process. */
  executing = 0;

  constructor(options: CalleeOptions, context: ServerCallContext, first: FirstSight) {
    const { tenant, userName } = scopeOf(context);
    this.#options = options;
    this.task = { agentUrl: options.agentUrl, tenant, userName, taskId: first.taskId, contextId: first.contextId };
    this.delegationId = this.#begin(context, first).catch(() => undefined);
    this.#follower = new Follower(options.ledger, this.delegationId, {
      actor: AGENT_ACTOR,
      onLost: (status) => {
        for (const tell of this.#lost) tell(status);
      },
    });
  }

  /** `storeState`: what the task store holds now. */
  saw(observation: Observation | undefined, storeState: A2aStoreState): void {
    // What says that the ledger gave it up is no result of the agent's.
    if (this.#isGivenUp && observation?.step === 'failed') this.storeEnded();
    else this.#follower.saw(observation, this.task, { storeState });
  }

  /** The ledger has ended the delegation, and the task store is about to be told. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  /** The task store holds the end, of which there is nothing more to tell. */
  storeEnded(): void {
    const record = async (delegationId: string | undefined) => {
      if (delegationId === undefined) return;
      await this.#options.ledger.a2aTasks.record(delegationId, this.task, { storeState: 'ended' });
    };
    // A logger that throws is all that rejects.
    void this.delegationId.then(record).catch(() => {});
  }

  /** Calls back when the ledger turns out to have ended the delegation otherwise; returns what stops that. */
  onLost(tell: (status: Status) => void): () => void {
    this.#lost.add(tell);
    return () => this.#lost.delete(tell);
  }

  /** Resolves when what was seen is in the ledger, or when that cannot be had soon. */
  async settled(): Promise<void> {
    if (!this.#ledgerIsAway) await this.#follower.settled(SETTLED_MAX_MS);
  }

  async #begin(context: ServerCallContext, { message }: FirstSight): Promise<string | undefined> {
    const { ledger, agentUrl, calleeId = calleeOf(agentUrl), deadlineMs, stuckAfterMs, stalledAfterMs } = this.#options;
    const delegation = {
      delegationId: uuidv7(),
      callerId: callerOf(this.#options, context),
      calleeId,
      taskPreview: textOf(message),
      idempotencyKey: idempotencyKeyOf(message?.messageId),
      requestBody: message === undefined ? undefined : Message.toJSON(message),
      deadlineMs,
      stuckAfterMs,
      stalledAfterMs,
    };
    for (let retry = 0; ; retry += 1) {
      const begun = await ledger.a2aTasks.begin(delegation, this.task);
      this.#ledgerIsAway = begun.outcome === 'failed';
      if (begun.outcome === 'invalid') return undefined;
      if (begun.outcome !== 'failed') return begun.delegationId;
      if (retry === LEDGER_RETRIES_MAX) return undefined;
      await pauseBeforeRetry(retry);
    }
  }
}
