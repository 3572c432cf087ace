import { setTimeout as sleep } from 'node:timers/promises';
import type { PgBoss } from 'pg-boss';
import { pgBossRunner } from './pgboss-runner.ts';
import { pgBossTables } from './pgboss-tables.ts';
import { dueQueuesStatement } from './statements/due-queues.ts';
import { removeDueStatement } from './statements/remove-due.ts';

/** How often a worker of pg-boss polls by itself, for what this poll might miss. With a hundred ledgers there are some hundred workers. */
export const OWN_POLL_SECONDS = 3600;

export interface Polled {
  readonly workerId: string;
  readonly everyMs: number;
  /** Does without its worker what a job of the queue with this data is for; the job is then removed. False: the worker has to. */
  readonly instead?: ((data: unknown) => Promise<boolean>) | undefined;
}

/** What is done within so many milliseconds is removed in one statement. */
const REMOVED_WITHIN_MS = 50;

/**
 * Wakes pg-boss's workers when their queues have a job, and has pg-boss take back a job whose worker has died: one statement for all queues,
 * however many ledgers there are. By default each worker polls for itself, which is a statement for each queue every few seconds, and
 * pg-boss looks for dead workers by seven statements for each hundred queues.
 */
export class JobPoll {
  readonly #boss: PgBoss;
  readonly #due: ReturnType<typeof dueQueuesStatement>;
  readonly #remove: ReturnType<typeof removeDueStatement>;
  /** Queues whose job is being done without its worker, or was and is still there. */
  readonly #taken = new Set<string>();
  /** Queues whose lost job pg-boss is taking back. */
  readonly #supervised = new Set<string>();
  #done: string[] = [];
  readonly #onError: (err: unknown) => void;
  readonly #polled = new Map<string, Polled>();
  #isStopped = false;
  #isRunning = false;
  /** How long the loop waits until its next poll, and what ends that wait. */
  #waitMs = 0;
  #wait = new AbortController();

  constructor(boss: PgBoss, pgbossSchema: string, onError: (err: unknown) => void) {
    this.#boss = boss;
    this.#due = dueQueuesStatement(pgBossTables(pgbossSchema));
    this.#remove = removeDueStatement(pgBossTables(pgbossSchema));
    this.#onError = onError;
  }

  /** All queues are polled as often as the one that is polled most often. */
  add(queue: string, polled: Polled): void {
    if (this.#isStopped) return;
    this.#polled.set(queue, polled);
    // The loop may be waiting for queues that are polled less often, or for none.
    if (polled.everyMs < this.#waitMs) this.#wait.abort();
    if (!this.#isRunning) void this.#run();
  }

  remove(queue: string): void {
    this.#polled.delete(queue);
  }

  /** Does not wait for a poll in flight, which takes a minute to fail on a half-open connection. */
  stop(): void {
    this.#isStopped = true;
    this.#wait.abort();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (!this.#isStopped) {
      this.#waitMs = Math.min(...[...this.#polled.values()].map(({ everyMs }) => everyMs), OWN_POLL_SECONDS * 1000);
      this.#wait = new AbortController();
      const { signal } = this.#wait;
      // Rejects only when the signal aborts.
      await sleep(this.#waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted || this.#polled.size === 0) continue;
      await this.#poll().catch((err: unknown) => {
        if (!this.#isStopped) this.#onError(err);
      });
    }
  }

  async #poll(): Promise<void> {
    const due = await this.#due.run(pgBossRunner(this.#boss), { queues: [...this.#polled.keys()] });
    if (this.#isStopped) return;
    for (const { queue, dueUs, isDue, data, isLost } of due) {
      const polled = this.#polled.get(queue);
      if (polled === undefined) continue;
      if (isLost) void this.#takeBack(queue);
      if (!isDue || this.#taken.has(queue)) continue;
      if (polled.instead === undefined) this.#boss.notifyWorker(polled.workerId);
      else void this.#take(queue, dueUs, () => polled.instead!(data));
    }
  }

  /** Not waited for, as the next: then the job is due again. */
  async #takeBack(queue: string): Promise<void> {
    if (this.#supervised.has(queue)) return;
    this.#supervised.add(queue);
    await this.#boss.supervise(queue).catch((err: unknown) => {
      if (!this.#isStopped) this.#onError(err);
    });
    this.#supervised.delete(queue);
  }

  /** Not waited for: what one queue's job is for may take long, and must not hold up another's. */
  async #take(queue: string, dueUs: number, instead: () => Promise<boolean>): Promise<void> {
    this.#taken.add(queue);
    const isDone = await instead().catch(() => false);
    if (isDone) {
      if (this.#done.length === 0) setTimeout(() => void this.#removeDone(dueUs), REMOVED_WITHIN_MS);
      this.#done.push(queue);
      return;
    }
    this.#taken.delete(queue);
    const polled = this.#polled.get(queue);
    if (polled !== undefined && !this.#isStopped) this.#boss.notifyWorker(polled.workerId);
  }

  /** One that is not removed is due again, and done again. */
  async #removeDone(dueUs: number): Promise<void> {
    const queues = this.#done;
    this.#done = [];
    await this.#remove.run(pgBossRunner(this.#boss), { queues, due: dueUs }).catch((err: unknown) => {
      if (!this.#isStopped) this.#onError(err);
    });
    for (const queue of queues) this.#taken.delete(queue);
  }
}
