import { setTimeout as sleep } from 'node:timers/promises';
import type { PgBoss } from 'pg-boss';
import { pgBossRunner } from './pgboss-runner.ts';
import { pgBossTables } from './pgboss-tables.ts';
import { dueQueuesStatement } from './statements/due-queues.ts';

/** How often a worker of pg-boss polls by itself: for what this poll misses, such as a job that was due for a moment only. */
export const OWN_POLL_SECONDS = 300;

interface Polled {
  readonly workerId: string;
  readonly everyMs: number;
}

/**
 * Wakes pg-boss's workers when their queues have a job: one statement for all queues, however many ledgers there are. By
 * default each worker polls for itself, which is a statement for each queue every few seconds.
 */
export class JobPoll {
  readonly #boss: PgBoss;
  readonly #due: ReturnType<typeof dueQueuesStatement>;
  readonly #onError: (err: unknown) => void;
  readonly #polled = new Map<string, Polled>();
  readonly #aborter = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(boss: PgBoss, pgbossSchema: string, onError: (err: unknown) => void) {
    this.#boss = boss;
    this.#due = dueQueuesStatement(pgBossTables(pgbossSchema));
    this.#onError = onError;
  }

  /** All queues are polled as often as the one that is polled most often. */
  add(queue: string, polled: Polled): void {
    if (this.#aborter.signal.aborted) return;
    this.#polled.set(queue, polled);
    this.#loop ??= this.#run(this.#aborter.signal);
  }

  remove(queue: string): void {
    this.#polled.delete(queue);
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
    await this.#loop;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const everyMs = Math.min(...[...this.#polled.values()].map((polled) => polled.everyMs), OWN_POLL_SECONDS * 1000);
      // Rejects only when the signal aborts.
      await sleep(everyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted || this.#polled.size === 0) continue;
      await this.#poll().catch(this.#onError);
    }
  }

  async #poll(): Promise<void> {
    const due = await this.#due.run(pgBossRunner(this.#boss), { queues: [...this.#polled.keys()] });
    for (const { queue } of due) {
      const polled = this.#polled.get(queue);
      if (polled !== undefined) this.#boss.notifyWorker(polled.workerId);
    }
  }
}
