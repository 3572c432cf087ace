import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Service } from './service.ts';

export interface StopOptions {
  /** From the call, for all services together. What has not stopped by then is no longer waited for. */
  readonly deadlineMs: number;
}

/**
 * Starts services in order and stops them in reverse order, so that each has what it depends on as long as it runs. The
 * stop has a deadline for all of them together.
 */
export class Services {
  readonly #services: readonly Service[];
  /** Services whose start was called, in that order. */
  readonly #begun: Service[] = [];
  #starting: Promise<'started' | 'stopped'> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(services: readonly Service[]) {
    this.#services = services;
  }

  /**
   * `stopped` when a stop came before everything had started. When a start fails, stops what was started and rejects with
   * the start's error, or with an AggregateError when stopping failed as well.
   */
  startAll(onFailure: StopOptions): Promise<'started' | 'stopped'> {
    if (this.#stopping !== undefined) return Promise.reject(new Error('Services do not start again after a stop'));
    this.#starting ??= this.#start(onFailure);
    return this.#starting;
  }

  /** Rejects with an AggregateError of everything that failed or was late; every service's stop has been called. */
  stopAll(options: StopOptions): Promise<void> {
    this.#stopping ??= this.#stop(options.deadlineMs);
    return this.#stopping;
  }

  async #start(onFailure: StopOptions): Promise<'started' | 'stopped'> {
    for (const service of this.#services) {
      if (this.#stopping !== undefined) return 'stopped';
      this.#begun.push(service);
      try {
        await service.start();
      } catch (err) {
        // A start that a stop interrupts may reject.
        if (this.#stopping !== undefined) return 'stopped';
        await this.stopAll(onFailure).catch((stopErr: AggregateError) => {
          throw new AggregateError([err, ...stopErr.errors], `${service.name} did not start`, { cause: err });
        });
        throw err;
      }
    }
    return this.#stopping === undefined ? 'started' : 'stopped';
  }

  async #stop(deadlineMs: number): Promise<void> {
    const errors: unknown[] = [];
    const running = new Set<Service>(this.#begun);
    const { promise: deadline, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, deadlineMs);
    for (const service of this.#begun.toReversed()) {
      const stopped = stop(service)
        .catch((err: unknown) => errors.push(err))
        .finally(() => running.delete(service));
      await Promise.race([stopped, deadline]);
    }
    clearTimeout(timer);
    // Past the deadline nothing was waited for: a service that stops at once gets the turn that it needs.
    await nextTurn();
    for (const { name } of running) errors.push(new Error(`${name} did not stop within ${deadlineMs} ms`));
    if (errors.length > 0) throw new AggregateError(errors, 'Not everything stopped');
  }
}

/** Async, so that a stop that throws at once is caught like one that rejects. */
async function stop(service: Service): Promise<void> {
  await service.stop();
}
