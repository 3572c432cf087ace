import type { StreamResponse, Task } from '@a2a-js/sdk';
import { backoffMs } from '../../lifecycle/backoff.ts';
import { processTime } from '../../lifecycle/time.ts';
import { isTaskNotFound } from './refusal.ts';

export type Stream = AsyncGenerator<StreamResponse, void, undefined>;

/** How a stream ended: cleanly, or with an error. */
export type StreamEnd = { readonly failed: false } | { readonly failed: true; readonly error: unknown };

/** The ways to hear of the task again. */
export interface TaskSource {
  subscribe(signal: AbortSignal): Stream;
  ask(signal: AbortSignal): Promise<Task>;
  /** Whether a subscription opens with a snapshot, as protocol 1.0 has it. */
  readonly opensWithSnapshot: boolean;
}

const BACKOFF = { baseMs: 500, maxMs: 10_000 };
/** What an agent's server gives at once: an answer to GetTask, a subscription's snapshot. */
const ANSWER_MAX_MS = 15_000;
/** So often an agent that ends its streams cleanly is asked again before it is believed. */
const CONFIRMATIONS_MAX = 3;

/** What takes the place of a stream that broke: a subscription, or one poll where there is none to be had. */
export class Reconnection {
  readonly #source: TaskSource;
  readonly #forMs: number;
  readonly #signal: AbortSignal;
  #last: 'stream' | 'subscription' | 'poll' = 'stream';
  #attempt = 0;
  #confirmations = 0;
  #giveUpAtMs: number | undefined;

  /** `forMs`: how long without news it goes on trying. */
  constructor(source: TaskSource, forMs: number, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#forMs = forMs;
    this.#signal = signal ?? new AbortController().signal;
  }

  /** The next failure begins anew. */
  hasNews(): void {
    this.#attempt = 0;
    this.#confirmations = 0;
    this.#giveUpAtMs = undefined;
  }

  /**
   * After a stream that ended so, and gave so many events. `broke`: the end that the reader would get. Undefined: nothing
   * is to be had any more.
   */
  async next(last: StreamEnd & { readonly events: number }, broke: StreamEnd): Promise<Stream | undefined> {
    const nowMs = processTime.now();
    this.#giveUpAtMs ??= nowMs + this.#forMs;
    if (
      this.#last !== 'stream' &&
      !last.failed &&
      last.events > 0 &&
      (this.#last === 'subscription' || !broke.failed)
    ) {
      this.#confirmations += 1;
    }
    const isGone = this.#last === 'poll' && last.failed && isTaskNotFound(last.error);
    if (isGone || this.#confirmations >= CONFIRMATIONS_MAX || nowMs >= this.#giveUpAtMs) return undefined;
    if (this.#last === 'subscription' && last.events === 0) {
      this.#last = 'poll';
      return this.#poll();
    }
    this.#attempt += 1;
    try {
      await processTime.sleep(backoffMs(this.#attempt, BACKOFF), this.#signal);
    } catch {
      return undefined;
    }
    this.#last = 'subscription';
    const { opensWithSnapshot } = this.#source;
    return this.#limited((signal) => this.#source.subscribe(signal), opensWithSnapshot ? ANSWER_MAX_MS : undefined);
  }

  #poll(): Stream {
    const { ask } = this.#source;
    return this.#limited(async function* (signal) {
      yield { payload: { $case: 'task', value: await ask(signal) } };
    }, ANSWER_MAX_MS);
  }

  /** Aborted when its first event takes too long. */
  async *#limited(open: (signal: AbortSignal) => Stream, firstMaxMs: number | undefined): Stream {
    const tooLong = new AbortController();
    const timer =
      firstMaxMs === undefined
        ? undefined
        : setTimeout(() => tooLong.abort(new Error(`no answer within ${firstMaxMs} ms`)), firstMaxMs);
    try {
      for await (const event of open(AbortSignal.any([this.#signal, tooLong.signal]))) {
        clearTimeout(timer);
        yield event;
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
