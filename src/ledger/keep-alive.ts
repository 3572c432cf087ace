import { assertDurationMs, noteText } from './arguments.ts';
import { DelegationLostError } from './errors.ts';
import type { HeartbeatResult } from './heartbeat-result.ts';
import type { KeepAliveRounds, Participant } from './keep-alive-rounds.ts';
import { TIMER_MAX_MS } from './limits.ts';

export interface KeepAliveOptions {
  /**
   * Milliseconds between heartbeats, at most 2147483647. Default: a tenth of the threshold that the delegation is judged by,
   * its own or the daemons', from 100 ms to 60 s. Heartbeats of one ledger are sent together, so one may be sent after half
   * of this time.
   */
  readonly everyMs?: number | undefined;
  /**
   * Called once, when the agent should stop: the delegation is `terminal`, or was `missing` for a whole threshold. An error
   * that it throws is thrown by stop() and by the disposal.
   */
  readonly onTerminal?: ((result: HeartbeatResult) => unknown) | undefined;
}

const EVERY_MIN_MS = 100;
const EVERY_MAX_MS = 60_000;

/**
 * Heartbeats one delegation until disposed or stopped. It never keeps the process alive by itself, and never throws: a
 * heartbeat that fails, or has no answer within a quarter of the threshold (250 ms to 15 s; a second while no answer has named
 * the threshold), is tried again a second later.
 */
export class KeepAlive implements AsyncDisposable {
  readonly #rounds: KeepAliveRounds;
  readonly #participant: Participant;
  readonly #lost = new AbortController();
  #missingSinceMs: number | undefined;
  #thrown: { readonly err: unknown } | undefined;

  /** @throws InvalidArgumentError */
  constructor(rounds: KeepAliveRounds, delegationId: string, { everyMs, onTerminal }: KeepAliveOptions) {
    if (everyMs !== undefined) assertDurationMs('everyMs', everyMs, TIMER_MAX_MS);
    this.#rounds = rounds;
    this.#participant = {
      delegationId,
      intervalMs: (stuckAfterMs) => everyMs ?? intervalFor(stuckAfterMs),
      onAnswer: (result, stuckAfterMs) => {
        if (this.#isLost(result, stuckAfterMs)) this.#end(result, onTerminal);
      },
    };
    rounds.join(this.#participant);
  }

  /** Aborted when the agent should stop, as for onTerminal; its reason is a DelegationLostError. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * How far the work is: 1 to 200 characters, sent with the delegation's next heartbeat, and again until it is written; of
   * several only the last. NUL and lone surrogates become U+FFFD. @throws InvalidArgumentError
   */
  progress(text: string): void {
    this.#rounds.reportProgress(this.#participant, noteText('progress', text));
  }

  /**
   * Ends the heartbeats, for code without `await using`; may be called again. Resolves when none is under way any more,
   * after five seconds at the latest. @throws the error that onTerminal threw
   */
  async stop(): Promise<void> {
    await this.#rounds.leave(this.#participant);
    if (this.#thrown) throw this.#thrown.err;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * One `missing` proves nothing: the caller may not have committed yet, or a policy hides the row for a moment. It counts
   * when no other answer came for a whole threshold.
   */
  #isLost({ outcome }: HeartbeatResult, stuckAfterMs: number): boolean {
    if (outcome !== 'missing') {
      this.#missingSinceMs = undefined;
      return outcome === 'terminal';
    }
    this.#missingSinceMs ??= performance.now();
    return performance.now() - this.#missingSinceMs >= stuckAfterMs;
  }

  #end(result: HeartbeatResult, onTerminal: KeepAliveOptions['onTerminal']): void {
    void this.#rounds.leave(this.#participant);
    this.#lost.abort(new DelegationLostError(result));
    // An unhandled error of the callback would end the agent's process; stop() throws it instead.
    void (async () => onTerminal?.(result))().catch((err: unknown) => {
      this.#thrown = { err };
    });
  }
}

function intervalFor(stuckAfterMs: number | undefined): number {
  if (stuckAfterMs === undefined) return EVERY_MAX_MS;
  return Math.min(EVERY_MAX_MS, Math.max(EVERY_MIN_MS, stuckAfterMs / 10));
}
