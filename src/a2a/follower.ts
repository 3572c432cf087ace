import {
  type A2aObserveResult,
  type A2aStoreState,
  type A2aTask,
  type DelegationLedger,
  isTerminal,
  type Status,
} from '../index.ts';
import { within } from '../lifecycle/within.ts';
import { LEDGER_RETRIES_MAX, pauseBeforeRetry } from './ledger-retry.ts';
import { isEnd, type Observation } from './task-state.ts';

export interface FollowerOptions {
  /** Recorded in the activity. Default `a2a`. */
  readonly actor?: string | undefined;
  /** An observation that says nothing new is written at most so often, and ten times in the threshold. Default 15000. */
  readonly minIntervalMs?: number | undefined;
  /** Called once, when the ledger says that the delegation has ended otherwise than was observed here. */
  readonly onLost?: ((status: Status) => void) | undefined;
}

export interface SawOptions {
  /** By the agent that keeps the task: what its store holds now. */
  readonly storeState?: A2aStoreState | undefined;
}

interface Sight {
  readonly observation: Observation;
  readonly storeState: A2aStoreState | undefined;
}

const MIN_INTERVAL_DEFAULT_MS = 15_000;
const STAMPS_IN_THRESHOLD = 10;
/** settled() waits so long at most, where nothing else is said. */
const SETTLED_DEFAULT_MS = 5_000;

/**
 * Writes what is seen of one delegation's task into the ledger: in the background, one round trip at a time. What a later
 * sight has overtaken is not written, but an end always is; a sight that says nothing new counts as a heartbeat, and is
 * written when one is due. Nothing that it does throws or rejects.
 *
 *     const follower = new Follower(ledger, delegationId);
 *     for await (const event of stream) follower.saw(observationOf(event), task);
 *     await follower.settled();
 */
export class Follower {
  readonly #ledger: DelegationLedger;
  readonly #delegationId: string | Promise<string | undefined>;
  readonly #options: FollowerOptions;
  #next: Sight | undefined;
  #task: A2aTask | undefined;
  #taskIsTold = false;
  /** What the ledger was last told, and when by this process's monotonic clock. */
  #written: Written;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #stuckAfterMs: number | null = null;
  #hasEnded = false;
  #isLost = false;
  #writing: Promise<void> | undefined;
  /** A write has failed and is tried again. */
  #failing = Promise.withResolvers<void>();

  /** `delegationId`: or the promise of it, which may be undefined: then nothing is written. */
  constructor(
    ledger: DelegationLedger,
    delegationId: string | Promise<string | undefined>,
    options: FollowerOptions = {},
  ) {
    this.#ledger = ledger;
    this.#delegationId = delegationId;
    this.#options = options;
  }

  /** An end was seen; what comes after it is not written. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What was seen, in order; undefined says nothing. `task`: recorded with the next write, once. */
  saw(observation: Observation | undefined, task?: A2aTask, { storeState }: SawOptions = {}): void {
    this.#task ??= task;
    if (observation === undefined || this.#hasEnded) return;
    this.#hasEnded = isEnd(observation);
    // Of a delegation that has ended in the ledger only the result is still of use.
    if (this.#isLost && !this.#hasEnded) return;
    const sight = { observation, storeState };
    this.#next = this.#next === undefined ? sight : later(this.#next, sight);
    if (this.#isDue()) this.#writing ??= this.#write();
  }

  /** Resolves when what was seen and is due is written, or has failed once, or `limitMs` have passed. Default 5000. */
  async settled(limitMs = SETTLED_DEFAULT_MS): Promise<void> {
    if (this.#writing === undefined) return;
    await within(limitMs, Promise.race([this.#writing, this.#failing.promise]));
  }

  #isDue(): boolean {
    if (this.#next === undefined) return false;
    const { observation, storeState } = this.#next;
    if (this.#task !== undefined && !this.#taskIsTold) return true;
    if (storeState === 'ended' || saysMore(observation, this.#written)) return true;
    return performance.now() - this.#toldAtMs >= this.#intervalMs();
  }

  #intervalMs(): number {
    const { minIntervalMs = MIN_INTERVAL_DEFAULT_MS } = this.#options;
    return this.#stuckAfterMs === null
      ? minIntervalMs
      : Math.min(minIntervalMs, this.#stuckAfterMs / STAMPS_IN_THRESHOLD);
  }

  async #write(): Promise<void> {
    try {
      const delegationId = await this.#delegationId;
      while (delegationId !== undefined && this.#isDue()) await this.#writeNext(delegationId);
    } catch {
      // The ledger's calls do not reject; a logger that throws must not end the process.
    } finally {
      this.#writing = undefined;
    }
  }

  async #writeNext(delegationId: string): Promise<void> {
    for (let retry = 0; ; retry += 1) {
      const sight = this.#next!;
      this.#next = undefined;
      const task = this.#taskIsTold ? undefined : this.#task;
      const result = await this.#ledger.a2aTasks.observe(delegationId, sight.observation, {
        // The state of the store is kept with the task.
        task: sight.storeState === 'ended' ? this.#task : task,
        storeState: sight.storeState,
        actor: this.#options.actor,
        knowsWait: isWait(this.#written),
      });
      if (result.outcome === 'failed' && retry < LEDGER_RETRIES_MAX) {
        this.#next = this.#next === undefined ? sight : later(sight, this.#next);
        this.#failing.resolve();
        await pauseBeforeRetry(retry);
        continue;
      }
      this.#failing = Promise.withResolvers();
      this.#toldAtMs = performance.now();
      this.#taskIsTold ||= task !== undefined;
      if (result.outcome === 'invalid' && task !== undefined) {
        // A task that the ledger does not take costs its record, and not the news of it.
        this.#task = undefined;
        this.#next = this.#next === undefined ? sight : later(sight, this.#next);
        continue;
      }
      if (result.outcome === 'failed' || result.outcome === 'invalid') return;
      this.#written = afterwards(sight.observation, this.#written);
      this.#heard(result, sight.observation);
      return;
    }
  }

  #heard(result: A2aObserveResult, { step }: Observation): void {
    if (result.outcome === 'missing' || result.status === null) return;
    this.#stuckAfterMs = result.stuckAfterMs;
    if (!isTerminal(result.status) || result.status === step || this.#isLost) return;
    this.#isLost = true;
    this.#options.onLost?.(result.status);
  }
}

/**
 * Of two sights of which neither is written yet, the one that counts: the later one. But a sign of life does not take away
 * that work has begun, which is one as well.
 */
function later(before: Sight, after: Sight): Sight {
  const { step } = before.observation;
  return after.observation.step === 'alive' && (step === 'dispatched' || step === 'in_progress') ? before : after;
}

/** What the ledger knows: a step, and of a wait what for, since another reason is another wait. */
type Written = 'dispatched' | 'in_progress' | `waiting ${string}` | 'completed' | 'failed' | undefined;

function isWait(written: Written): boolean {
  return written?.startsWith('waiting') ?? false;
}

/** Whether it changes the delegation, whatever its clock: the task's state may go back to SUBMITTED, its status may not. */
function saysMore(observation: Observation, written: Written): boolean {
  if (observation.step === 'alive') return isWait(written);
  if (observation.step === 'dispatched') return written === undefined || isWait(written);
  return isEnd(observation) || afterwards(observation, written) !== written;
}

/** What the ledger knows when it was written so. */
function afterwards(observation: Observation, written: Written): Written {
  if (observation.step === 'waiting') return `waiting ${observation.reason}`;
  if (observation.step === 'alive') return isWait(written) ? 'in_progress' : written;
  return observation.step === 'dispatched' && written !== undefined && written !== 'dispatched'
    ? 'in_progress'
    : observation.step;
}
