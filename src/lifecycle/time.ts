import { setTimeout } from 'node:timers/promises';

/** How a process measures and waits: in milliseconds, on a monotonic clock. */
export interface Time {
  /** Only differences between two values have a meaning. */
  now(): number;
  /** Rejects when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const processTime: Time = {
  now: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, { signal }),
};
