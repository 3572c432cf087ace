import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamResponse } from '@a2a-js/sdk';
import { type DelegationLedger, InvalidArgumentError } from '../../index.ts';
import { within } from '../../lifecycle/within.ts';
import { KnownTasks } from '../caller/known-tasks.ts';
import { Watch } from '../caller/watch.ts';
import { taskIdOf } from './notification.ts';

export interface NotifiedBy {
  readonly ledger: DelegationLedger;
  readonly agentUrl?: string | undefined;
  readonly tenant?: string | undefined;
  readonly callerId?: string | undefined;
}

/** The longest that a notification waits for the ledger; the SDK's sender waits five seconds for the answer. */
const LEDGER_WAIT_MAX_MS = 4_000;
/** An agent may notify of a task before its caller has read the answer that names it: looked for again after so long. */
const LOOK_AGAIN_MS = [50, 100, 200, 400, 800];
/** Notifications that look again at the same time; of more unknown tasks nobody waits for an answer. */
const LOOKING_MAX = 100;

/** The delegations of tasks that are notified of. */
export class NotifiedTasks {
  readonly #by: NotifiedBy;
  readonly #known = new KnownTasks();
  #looking = 0;

  constructor(by: NotifiedBy) {
    this.#by = by;
  }

  /** The HTTP status of the answer: 204 when it was taken, 404 for a task that is not known, 503 when the ledger gave no answer. */
  async notified(event: StreamResponse): Promise<204 | 404 | 503> {
    const name = { agentUrl: this.#by.agentUrl ?? '', tenant: this.#by.tenant ?? '', taskId: taskIdOf(event) };
    let watch = this.#known.get(name);
    if (watch === undefined) {
      const delegationId = await within(LEDGER_WAIT_MAX_MS, this.#delegationOf(name.taskId)).catch(() => undefined);
      if (delegationId === undefined) return 503;
      if (delegationId === null) return 404;
      const { ledger } = this.#by;
      watch = this.#known.add(name, new Watch({ ledger, delegated: Promise.resolve({ delegationId }) }));
    }
    watch.notified(event);
    await watch.settled();
    return 204;
  }

  async #delegationOf(taskId: string): Promise<string | null> {
    let delegationId = await this.#find(taskId);
    if (delegationId !== null || this.#looking >= LOOKING_MAX) return delegationId;
    this.#looking += 1;
    try {
      for (const ms of LOOK_AGAIN_MS) {
        if (delegationId !== null) break;
        await sleep(ms);
        delegationId = await this.#find(taskId);
      }
      return delegationId;
    } finally {
      this.#looking -= 1;
    }
  }

  async #find(taskId: string): Promise<string | null> {
    const { ledger, agentUrl, tenant, callerId } = this.#by;
    try {
      const found = await ledger.a2aTasks.findNotified({ taskId, agentUrl, tenant, callerId });
      return found?.delegationId ?? null;
    } catch (err) {
      // An id that the ledger would never have taken.
      if (err instanceof InvalidArgumentError) return null;
      throw err;
    }
  }
}
