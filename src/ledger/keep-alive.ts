import { setTimeout as sleep } from 'node:timers/promises';
import { assertDurationMs } from './arguments.ts';
import type { HeartbeatResult } from './heartbeats.ts';

export interface KeepAliveOptions {
  /** Milliseconds between heartbeats. Default: a tenth of the daemon's threshold, from 100 ms to 60 s. */
  readonly everyMs?: number;
  /** Called once, when the delegation is no longer this agent's to work on: `terminal` or `missing`. */
  readonly onTerminal?: (result: HeartbeatResult) => void;
}

const EVERY_MIN_MS = 100;
const EVERY_MAX_MS = 60_000;
/** Until the threshold is known, as for the default threshold of ten minutes. */
const EVERY_UNKNOWN_MS = 60_000;
/** A heartbeat that failed is owed: tried again sooner than the next would come. */
const RETRY_FAILED_MS = 1_000;

/**
 * Heartbeats one delegation until disposed. It never keeps the process alive by itself, and never throws: a heartbeat
 * that fails is tried again a second later.
 */
export class KeepAlive implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #lost = new AbortController();
  readonly #loop: Promise<void>;

  constructor(
    heartbeat: (delegationId: string) => Promise<HeartbeatResult>,
    delegationId: string,
    { everyMs, onTerminal }: KeepAliveOptions,
  ) {
    if (everyMs !== undefined) assertDurationMs('everyMs', everyMs);
    this.#loop = this.#run(heartbeat, delegationId, everyMs, onTerminal);
    // What onTerminal throws is the disposal's to rethrow: unhandled it would end the agent's process.
    this.#loop.catch(() => {});
  }

  /** Aborted when the delegation is no longer this agent's to work on; its reason is the heartbeat's result. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  async #run(
    heartbeat: (delegationId: string) => Promise<HeartbeatResult>,
    delegationId: string,
    everyMs: number | undefined,
    onTerminal: KeepAliveOptions['onTerminal'],
  ): Promise<void> {
    const { signal } = this.#controller;
    while (!signal.aborted) {
      const result = await heartbeat(delegationId);
      if (result.outcome === 'terminal' || result.outcome === 'missing') {
        if (signal.aborted) return;
        this.#lost.abort(result);
        onTerminal?.(result);
        return;
      }
      const intervalMs = everyMs ?? intervalFor(result.stuckAfterMs);
      const waitMs = result.outcome === 'failed' ? Math.min(intervalMs, RETRY_FAILED_MS) : intervalMs;
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Ends the heartbeats; resolves when none is under way any more. @throws what onTerminal threw */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort();
    await this.#loop;
  }
}

function intervalFor(stuckAfterMs: number | undefined): number {
  if (stuckAfterMs === undefined) return EVERY_UNKNOWN_MS;
  return Math.min(EVERY_MAX_MS, Math.max(EVERY_MIN_MS, stuckAfterMs / 10));
}
