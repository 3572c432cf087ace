import { assertDurationMs, noteText } from './arguments.ts';
import { DelegationLostError } from './errors.ts';
import type { HeartbeatResult } from './heartbeat-result.ts';
import type { KeepAliveRounds, Participant } from './keep-alive-rounds.ts';

export interface KeepAliveOptions {
  /**
   * Milliseconds between heartbeats, at most 2147483647. Default: a tenth of the threshold that the delegation is judged by,
   * its own or the daemons', from 100 ms to 60 s. Those of one ledger go out together, so that one may come after half of it.
   */
  readonly everyMs?: number | undefined;
  /**
   * Called once, when the delegation is no longer this agent's to work on: `terminal`, or `missing` for a whole threshold.
   * What it throws, the disposal throws.
   */
  readonly onTerminal?: ((result: HeartbeatResult) => unknown) | undefined;
}

const EVERY_MIN_MS = 100;
const EVERY_MAX_MS = 60_000;
/** What a timer takes; beyond it Node would make it a loop of one millisecond. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Heartbeats one delegation until disposed or stopped. It never keeps the process alive by itself, and never throws: a
 * heartbeat that fails, or has no answer within a quarter of the threshold (250 ms to 15 s), is tried again a second later.
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
      heard: (result, stuckAfterMs) => {
        if (this.#isLost(result, stuckAfterMs)) this.#lose(result, onTerminal);
      },
    };
    rounds.join(this.#participant);
  }

  /** Aborted when the delegation is no longer this agent's to work on; its reason is a DelegationLostError. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * How far the work is: 1 to 200 characters, which go with the next heartbeat; of several only the last. Lost when the
   * keepAlive ends before that. NUL and lone surrogates become U+FFFD. @throws InvalidArgumentError
   */
  progress(text: string): void {
    this.#rounds.say(this.#participant, noteText('progress', text));
  }

  /**
   * Ends the heartbeats, for those without `await using`; may be called again. Resolves when none is under way any more,
   * after five seconds at the latest. @throws what onTerminal threw
   */
  async stop(): Promise<void> {
    await this.#rounds.leave(this.#participant);
    if (this.#thrown) throw this.#thrown.err;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * One `missing` proves nothing: the caller may not have committed yet, a policy may hide the row for a moment. Believed
   * when nothing else was heard for a whole threshold.
   */
  #isLost({ outcome }: HeartbeatResult, stuckAfterMs: number): boolean {
    if (outcome !== 'missing') {
      this.#missingSinceMs = undefined;
      return outcome === 'terminal';
    }
    this.#missingSinceMs ??= performance.now();
    return performance.now() - this.#missingSinceMs >= stuckAfterMs;
  }

  #lose(result: HeartbeatResult, onTerminal: KeepAliveOptions['onTerminal']): void {
    void this.#rounds.leave(this.#participant);
    this.#lost.abort(new DelegationLostError(result));
    // Unhandled, what the callback throws would end the agent's process: it is the disposal's to throw.
    void (async () => onTerminal?.(result))().catch((err: unknown) => {
      this.#thrown = { err };
    });
  }
}

function intervalFor(stuckAfterMs: number | undefined): number {
  if (stuckAfterMs === undefined) return EVERY_MAX_MS;
  return Math.min(EVERY_MAX_MS, Math.max(EVERY_MIN_MS, stuckAfterMs / 10));
}
