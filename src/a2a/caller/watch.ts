import type { Message, StreamResponse } from '@a2a-js/sdk';
import type { A2aTask, Delegation, DelegationLedger } from '../../index.ts';
import { Follower } from '../follower.ts';
import { isLedgerId } from '../ledger-id.ts';
import { isEnd, type Observation, observationOf } from '../task-state.ts';
import { keptParts } from './kept-parts.ts';
import { SeenTask } from './seen-task.ts';

/** Characters or bytes of a task's content that are kept in memory until its end, and recorded with it. */
const CONTENT_MAX = 64 * 1024;

/** Which delegation it is: one that was just made or resumed, or one that was found with the state that the ledger has. */
export type Delegated = { readonly delegationId: string; readonly found?: Delegation } | undefined;

export interface WatchOptions {
  readonly ledger: DelegationLedger;
  /** Does not reject. */
  readonly delegated: Promise<Delegated>;
  /** With which the task is recorded; undefined where it is recorded already. */
  readonly agent?: Pick<A2aTask, 'agentUrl' | 'tenant'> | undefined;
  /** How long it may wait for input, in milliseconds; undefined: the ledger's default. */
  readonly waitForMs?: number | undefined;
}

/** One delegation's task, as this process sees it, told to the ledger in the background. Nothing here throws or rejects. */
export class Watch {
  readonly #agent: WatchOptions['agent'];
  readonly #delegated: Promise<Delegated>;
  readonly #waitForMs: number | undefined;
  readonly #follower: Follower;
  readonly #seen = new SeenTask(CONTENT_MAX);
  #isFirst = true;
  #wait: Extract<Observation, { readonly step: 'waiting' }> | undefined;
  #looking: Promise<void> = Promise.resolve();
  /** A first look, of which it is still to be found out whether the ledger knows it. */
  #firstLook: Observation | undefined;

  constructor({ ledger, agent, delegated, waitForMs }: WatchOptions) {
    this.#agent = agent;
    this.#delegated = delegated;
    this.#waitForMs = waitForMs;
    this.#follower = new Follower(
      ledger,
      delegated.then((known) => known?.delegationId),
    );
  }

  /** What the task waits for, as it was last seen. */
  get wait(): Observation | undefined {
    return this.#wait;
  }

  /** Something that the agent said just now: at least a sign of life. */
  heard(event: StreamResponse): void {
    quietly(() => {
      if (this.#follower.hasEnded) return;
      this.#seen.take(event);
      this.#isFirst = false;
      this.#observe(this.#observation(event));
    });
  }

  /** How the task is, as a poll or the opening of a subscription shows it: a sign of life only where something has changed. */
  looked(event: StreamResponse): void {
    quietly(() => {
      if (this.#follower.hasEnded || (!this.#isFirst && this.#seen.repeats(event))) return;
      const isFirst = this.#isFirst;
      this.#isFirst = false;
      this.#seen.take(event);
      const observation = this.#observation(event);
      if (!isFirst) return this.#observe(observation);
      // What changed before this process looked for the first time is not known: the ledger knows.
      this.#firstLook = observation;
      this.#looking = this.#delegated.then((known) => {
        const isOvertaken = this.#firstLook !== observation;
        if (!isOvertaken && (known?.found === undefined || isNews(observation, known.found))) this.observe(observation);
      });
    });
  }

  /** What was delivered by a push notification, perhaps again or out of order. */
  notified(event: StreamResponse): void {
    quietly(() => {
      if (!this.#isFirst && (this.#seen.repeats(event) || this.#seen.isNewerThan(event))) return;
      this.heard(event);
    });
  }

  /** What is not seen in the task: that it goes on, or that the agent refused it. */
  observe(observation: Observation): void {
    quietly(() => this.#observe(observation));
  }

  /** Resolves when what was seen is written, in a few seconds at the latest. */
  async settled(): Promise<void> {
    await this.#delegated;
    await this.#looking;
    await this.#follower.settled();
  }

  #observe(observation: Observation): void {
    if (this.#firstLook !== undefined && overtakes(observation, this.#firstLook)) this.#firstLook = undefined;
    this.#wait = observation.step === 'waiting' ? observation : undefined;
    const { id: taskId, contextId } = this.#seen;
    // A task that the ledger would not take as one costs its record, and not the news of it.
    const isRecorded = this.#agent !== undefined && isLedgerId(taskId);
    const wait = this.#wait && { ...this.#wait, forMs: this.#waitForMs };
    this.#follower.saw(wait ?? observation, isRecorded ? { ...this.#agent!, taskId, contextId } : undefined);
    if (this.#follower.hasEnded) this.#seen.dropContent();
  }

  #observation(event: StreamResponse): Observation {
    const { payload } = event;
    if (payload?.$case === 'message') return this.#reply(payload.value);
    const observation = observationOf(event);
    if (observation === undefined) return { step: 'alive' };
    // The artifacts of a stream came before its end.
    return isEnd(observation) ? (observationOf(this.#seen.task) ?? observation) : observation;
  }

  /** A message is the result where there is no task. */
  #reply(message: Message): Observation {
    if (this.#seen.id !== '') return { step: 'alive' };
    return observationOf({ ...message, parts: keptParts(message.parts ?? [], CONTENT_MAX) }) ?? { step: 'alive' };
  }
}

/** Whether what is told now takes the place of an earlier look, which the ledger would otherwise be told after it. */
function overtakes({ step }: Observation, look: Observation): boolean {
  if (isEnd(look)) return false;
  // That work has begun is still to be observed.
  return step !== 'alive' || (look.step !== 'dispatched' && look.step !== 'in_progress');
}

/** Whether the ledger does not have it already. That work has begun takes back no later state. */
function isNews({ step }: Observation, { status, waitingUntil }: Delegation): boolean {
  if (step === 'alive') return false;
  if (step === 'dispatched') return status === 'queued';
  if (step === 'waiting') return waitingUntil === null;
  return waitingUntil !== null || step !== status;
}

/** Whatever an agent sends, and whatever is wrong here, it is not the caller's. */
function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // Not recorded: the delegation is then judged by what else is heard of it.
  }
}
