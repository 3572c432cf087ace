import { setTimeout as sleep } from 'node:timers/promises';
import { OutdatedSchemaError } from '../../db/outdated-schema-error.ts';
import { isRefusal } from '../../db/refusal.ts';
import type { DelegationChange } from './change.ts';
import type { Look, Watched } from './watched.ts';

export interface WatchPace {
  readonly everyMs: number;
  readonly signal: AbortSignal | undefined;
  /** At the first failure of an outage. */
  readonly onFailure: (err: unknown, retryInMs: number) => void;
}

/** Watches of many processes must not all look at the same instant. */
const JITTER_RATIO = 0.1;
/** A look without an answer for so long is given up: its connection may be half open, and the pool may not notice. */
const ANSWER_MAX_MS = 15_000;
/** Looks without an answer at most; each may hold a connection. */
const UNANSWERED_MAX = 2;
/** After a failed look: at first up to so long, and up to twice as long each time. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 10_000;

/**
 * The changes of delegations, as an async iterable: `for await (const change of watch)`. It looks while it is asked for the
 * next change, and holds no connection and no timer in between. A database that is away does not end it: it tries
 * again, and goes on where it was. It throws the signal's reason, and errors that trying again does not mend.
 */
export class Watch implements AsyncIterableIterator<DelegationChange, undefined>, AsyncDisposable {
  readonly #watched: Watched;
  readonly #everyMs: number;
  /** Aborted by the caller, or when the iteration is broken off. */
  readonly #signal: AbortSignal;
  readonly #closing = new AbortController();
  readonly #onFailure: WatchPace['onFailure'];
  readonly #changes: AsyncGenerator<DelegationChange, undefined>;
  #unanswered = 0;
  #hasLooked = false;

  constructor(watched: Watched, { everyMs, signal, onFailure }: WatchPace) {
    this.#watched = watched;
    this.#everyMs = everyMs;
    this.#signal = AbortSignal.any(signal ? [signal, this.#closing.signal] : [this.#closing.signal]);
    this.#onFailure = onFailure;
    this.#changes = this.#run();
  }

  /**
   * With a callerId: where a later watch goes on (`after`) that has to yield what comes after the last change handed out.
   * Null before the first look, and with ids.
   */
  get cursor(): string | null {
    return this.#watched.cursor;
  }

  /** @throws the signal's reason, or the database's error */
  next(): Promise<IteratorResult<DelegationChange, undefined>> {
    return this.#changes.next();
  }

  /** Ends it, as `break` does; a `next` that is pending is done then, too. */
  return(): Promise<IteratorResult<DelegationChange, undefined>> {
    this.#closing.abort();
    return this.#changes.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async *#run(): AsyncGenerator<DelegationChange, undefined> {
    try {
      for (;;) {
        const startedAtMs = performance.now();
        const { changes, isOver, hasMore } = await this.#look();
        for (const change of changes) {
          this.#signal.throwIfAborted();
          this.#watched.handedOut?.();
          yield change;
        }
        if (isOver) return undefined;
        const waitMs = this.#everyMs * (1 + JITTER_RATIO * (2 * Math.random() - 1));
        if (!hasMore) await this.#pause(startedAtMs + waitMs - performance.now());
      }
    } catch (err) {
      if (this.#closing.signal.aborted) return undefined;
      throw err;
    }
  }

  /** Looks until it succeeds. */
  async #look(): Promise<Look> {
    for (let failures = 0; ; failures += 1) {
      this.#signal.throwIfAborted();
      try {
        const take = await this.#bounded();
        this.#hasLooked = true;
        return take();
      } catch (err) {
        this.#signal.throwIfAborted();
        if (!this.#mayPass(err)) throw err;
        this.#watched.onOutage?.();
        const retryInMs = Math.round(Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** failures) * (0.5 + Math.random() / 2));
        if (failures === 0) this.#onFailure(err, retryInMs);
        await this.#pause(retryInMs);
      }
    }
  }

  /** An answer that comes after it was given up is dropped. */
  async #bounded(): Promise<() => Look> {
    const signal = this.#signal;
    if (this.#unanswered >= UNANSWERED_MAX) throw noAnswer();
    this.#unanswered += 1;
    const answer = this.#watched.look().finally(() => {
      this.#unanswered -= 1;
    });
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(() => reject(noAnswer()), ANSWER_MAX_MS);
    try {
      return await Promise.race([answer, ended]);
    } finally {
      answer.catch(() => {});
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Not where the ledger is not installed: after the first look it may only be away, as while a backup is restored. */
  #mayPass(err: unknown): boolean {
    if (isRefusal(err) || isClosed(err)) return false;
    return this.#hasLooked || !(err instanceof OutdatedSchemaError);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal: this.#signal }).catch(() => this.#signal.throwIfAborted());
  }
}

function noAnswer(): Error & { code: string } {
  const message = `no answer within ${ANSWER_MAX_MS} ms; tried again over another connection`;
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

/** The ledger, or the caller's pool, was closed: it opens no connection any more. */
function isClosed(err: unknown): boolean {
  return /after calling end/i.test((err as Error | undefined)?.message ?? '');
}
