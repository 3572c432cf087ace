import { setTimeout as sleep } from 'node:timers/promises';
import { type DelegationLedger, isTerminal } from '../index.ts';
import { untilAborted } from './until-aborted.ts';

export const ORCHESTRATOR = 'orchestrator';

export interface OrchestratorOptions {
  readonly ledger: DelegationLedger;
  /** The delegations that are tried again when they are stuck, with the ids of their second attempts. */
  readonly secondAttempts: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
  readonly onRetried: (delegationId: string) => void;
}

const LOOK_EVERY_MS = 300;
const BEGUN_EVERY_MS = 20;

/** The caller of all delegations: learns by one watch what becomes of them, and tries again what died. */
export class Orchestrator implements AsyncDisposable {
  readonly #options: OrchestratorOptions;
  readonly #ends = new Map<string, PromiseWithResolvers<void>>();
  readonly #retries = new Map<string, PromiseWithResolvers<void>>();
  readonly #watch: ReturnType<DelegationLedger['watch']>;
  readonly #watching: Promise<void>;
  readonly #broken = Promise.withResolvers<never>();

  /** Begins to watch. */
  constructor(options: OrchestratorOptions) {
    this.#options = options;
    const { ledger, signal } = options;
    this.#watch = ledger.watch({ callerId: ORCHESTRATOR }, { everyMs: LOOK_EVERY_MS, signal });
    this.#broken.promise.catch(() => {});
    this.#watching = this.#read().catch(this.#broken.reject);
  }

  /** Resolves after the first look: what happens from then on is heard. */
  async begun(): Promise<void> {
    const { signal } = this.#options;
    while (this.#watch.cursor === null) {
      await Promise.race([sleep(BEGUN_EVERY_MS, undefined, { signal }), this.#broken.promise]);
    }
  }

  /** Resolves when it has heard that the delegation has ended. */
  ended(delegationId: string): Promise<void> {
    return this.#heard(this.#ends, delegationId);
  }

  /** Resolves when it has made this second attempt. */
  retried(secondAttempt: string): Promise<void> {
    return this.#heard(this.#retries, secondAttempt);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch.return();
    await this.#watching;
  }

  async #read(): Promise<void> {
    const { ledger, secondAttempts, onRetried } = this.#options;
    for await (const change of this.#watch) {
      const { delegationId } = change;
      if ('toStatus' in change && change.toStatus !== null && isTerminal(change.toStatus)) {
        promised(this.#ends, delegationId).resolve();
      }
      const secondAttempt = secondAttempts.get(delegationId);
      if (change.event !== 'delegation.stuck' || secondAttempt === undefined) continue;
      const { outcome } = await ledger.retry(delegationId, { delegationId: secondAttempt, actor: ORCHESTRATOR });
      if (outcome !== 'inserted') throw new Error(`${delegationId} was not tried again: ${outcome}`);
      onRetried(delegationId);
      promised(this.#retries, secondAttempt).resolve();
    }
  }

  #heard(promises: Map<string, PromiseWithResolvers<void>>, id: string): Promise<void> {
    const heard = Promise.race([promised(promises, id).promise, this.#broken.promise]);
    return untilAborted(heard, this.#options.signal);
  }
}

function promised(promises: Map<string, PromiseWithResolvers<void>>, id: string): PromiseWithResolvers<void> {
  const made = promises.get(id) ?? Promise.withResolvers<void>();
  promises.set(id, made);
  return made;
}
