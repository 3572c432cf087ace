import { setTimeout as sleep } from 'node:timers/promises';
import type { Time } from '../../src/lifecycle/time.ts';

/**
 * A process's monotonic clock that a test shifts. Seen from this process, what the test takes off it is a leap of the
 * database's clock forward, what it adds to it one back: nobody can set the test server's clock.
 */
export class FakeTime implements Time {
  #shiftMs = 0;

  now(): number {
    return performance.now() + this.#shiftMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return sleep(ms, undefined, { signal });
  }

  shift(ms: number): void {
    this.#shiftMs += ms;
  }
}
