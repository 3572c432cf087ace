import { setTimeout as sleep } from 'node:timers/promises';
import type { Time } from '../../src/lifecycle/time.ts';

/**
 * A process's monotonic clock that a test shifts. Subtracting from it looks to this process like a jump of the
 * database's clock forward, adding to it like one back; the test server's clock itself cannot be set.
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
