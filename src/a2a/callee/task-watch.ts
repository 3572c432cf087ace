import type { Task } from '@a2a-js/sdk';
import { isTerminal, type OpenA2aTask } from '../../index.ts';
import { observationOf, stateOf, terminalStates, textOf } from '../task-state.ts';
import { Announcement } from './announcement.ts';
import { failed } from './failure.ts';
import { saysGivenUp, whyGivenUp } from './given-up-words.ts';
import { resume } from './resumption.ts';
import { contextOf } from './task-scope.ts';
import type { TaskWatchOptions } from './task-watch-options.ts';

const EVERY_DEFAULT_MS = 5_000;
const EVERY_MIN_MS = 100;
/** So long another process leaves a task to the one that tells its caller. */
const CLAIM_MS = 60_000;
const FORMER_SHARE_OF_THRESHOLD = 0.3;
const FORMER_SILENT_MAX_MS = 180_000;
/** A process that could not reach the ledger is heard again so soon after it can: a beat hangs for 15 s at most. */
const HEARD_AGAIN_MAX_MS = 20_000;
const FORMER = 'the process that worked on the task has ended';
const NOT_HELD = 'a2a: FAILED: the task store no longer holds the task';

/**
 * Tells the callers of this agent what became of tasks that nobody executes any more: those that the ledger gave up, and
 * those that an earlier process left open. Each fails in the task store, with the reason, and its push notifications go
 * out. Of several processes one tells; where it ends before it has, another one does, so that a notification may come twice.
 *
 *     await using watch = new TaskWatch({ store, pushNotificationSender, former: 'fail' });
 *
 * It looks at once, and then every five seconds, and never keeps the process alive by itself. What fails is logged by the
 * ledger (`ledger.a2a_failed`) and tried again.
 */
export class TaskWatch implements AsyncDisposable {
  readonly #options: TaskWatchOptions;
  readonly #announcement: Announcement;
  readonly #everyMs: number;
  /** Open tasks that were silent for too long, in each look since this instant of the monotonic clock. */
  #silentSinceMs: ReadonlyMap<string, number> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: TaskWatchOptions) {
    const { everyMs = EVERY_DEFAULT_MS } = options;
    if (!(everyMs >= EVERY_MIN_MS)) throw new RangeError(`everyMs must be at least ${EVERY_MIN_MS} milliseconds`);
    this.#options = options;
    this.#announcement = new Announcement(options);
    this.#everyMs = everyMs;
    void this.look();
  }

  /** One look, now; resolves when all that was found has been dealt with. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      if (this.#isStopped) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.look(), this.#everyMs);
      this.#timer.unref();
    });
    return this.#looking;
  }

  /** Resolves when no look is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #look(): Promise<void> {
    const { ledger, agentUrl } = this.#options.store.options;
    const before = this.#silentSinceMs;
    const silentSinceMs = new Map<string, number>();
    this.#silentSinceMs = new Map();
    try {
      for await (const open of ledger.a2aTasks.open({ agentUrl })) {
        if (this.#isStopped) return;
        if (this.#isSilent(open)) {
          silentSinceMs.set(open.delegationId, before.get(open.delegationId) ?? performance.now());
        }
        await this.#deal(open, silentSinceMs.get(open.delegationId)).catch((err) =>
          ledger.a2aTasks.logFailure(open.delegationId, 'tell', err),
        );
      }
      this.#silentSinceMs = silentSinceMs;
    } catch (err) {
      // While the ledger is away, nobody can be heard.
      ledger.a2aTasks.logFailure('(all)', 'look', err);
    }
  }

  async #deal(open: OpenA2aTask, silentSinceMs: number | undefined): Promise<void> {
    const { store } = this.#options;
    const context = contextOf(store.options, { tenant: open.tenant, userName: open.userName ?? '' });
    // Who executes it tells its caller.
    if ((store.tasks.find(context, open.taskId)?.executing ?? 0) > 0) return;
    const isGivenUp = isTerminal(open.status);
    if (!isGivenUp && !this.#isFormer(open, silentSinceMs)) return;
    if (!(await store.options.ledger.a2aTasks.claim(open.delegationId, CLAIM_MS))) return;
    const { former = 'fail' } = this.#options;
    if (!isGivenUp && typeof former === 'object') {
      const task = await store.load(open.taskId, context);
      if (task !== undefined && !terminalStates.has(stateOf(task))) {
        if (
          resume({ task, context, executor: former.resume, options: this.#options, announcement: this.#announcement })
        )
          return;
      }
    }
    const why = isGivenUp ? whyGivenUp(open.status, open.errorDetail) : FORMER;
    const end = await store.end(open.taskId, context, (task) => ({ ...task, status: failed(task, why) }));
    // A process that told the store and ended before it told the callers: they are told now.
    const isOurs = end !== undefined && (end.isNew || (isGivenUp && saysGivenUp(textOf(end.task.status?.message))));
    if (isOurs) await this.#announcement.ended(end.task, context);
    await this.#settle(open, isGivenUp && (end === undefined || isOurs), end?.task);
  }

  /** `isKnown`: the ledger ended it itself, and the agent has said nothing else. Otherwise it learns how the task ended. */
  async #settle(open: OpenA2aTask, isKnown: boolean, ended: Task | undefined): Promise<void> {
    const { ledger, agentUrl } = this.#options.store.options;
    const { delegationId, tenant, taskId, contextId, userName } = open;
    const options = { task: { agentUrl, tenant, taskId, contextId, userName }, storeState: 'ended' } as const;
    const end = ended === undefined ? { step: 'failed' as const, errorDetail: NOT_HELD } : observationOf(ended);
    if (isKnown || end === undefined) await ledger.a2aTasks.record(delegationId, options.task, options);
    else await ledger.a2aTasks.observe(delegationId, end, options);
  }

  /** Silent long enough for its process to have ended, if the ledger could be reached all the time. */
  #isSilent(open: OpenA2aTask): boolean {
    // What waits for a person needs no process.
    if (this.#options.former === 'leave' || open.waitingUntil !== null || isTerminal(open.status)) return false;
    return open.silentMs >= this.#silentMaxMs(open);
  }

  /** After an outage of the ledger all are silent: a process that works has the time to be heard again. */
  #isFormer(open: OpenA2aTask, silentSinceMs: number | undefined): boolean {
    if (silentSinceMs === undefined) return false;
    return performance.now() - silentSinceMs >= Math.min(HEARD_AGAIN_MAX_MS, this.#silentMaxMs(open));
  }

  #silentMaxMs({ judgedByMs }: OpenA2aTask): number {
    const share = judgedByMs === null ? FORMER_SILENT_MAX_MS : judgedByMs * FORMER_SHARE_OF_THRESHOLD;
    return this.#options.formerSilentMs ?? Math.min(FORMER_SILENT_MAX_MS, share);
  }
}
