import { setTimeout } from 'node:timers/promises';

/** How a process measures and waits: in milliseconds, on a clock that nobody sets. */
export interface Time {
  /** Only differences mean something. */
  now(): number;
  /** Rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const processTime: Time = {
  now: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, { signal }),
};
