import type { PgBoss } from 'pg-boss';
import { pgBossRunner } from '../jobs/pgboss-runner.ts';
import { pgBossTables } from '../jobs/pgboss-tables.ts';
import { deadOfStatement } from './statements/dead-of.ts';
import { webhookQueueNames } from './webhook-queues.ts';

/** Moved in one statement. */
const BATCH_MAX = 1000;

/** One ledger's dead letters of the webhook. All methods throw the database's error. */
export class DeadLetters {
  readonly #boss: PgBoss;
  readonly #queue: string;
  readonly #deadOf: ReturnType<typeof deadOfStatement>;

  constructor(boss: PgBoss, { dbSchema, pgbossSchema }: { readonly dbSchema: string; readonly pgbossSchema: string }) {
    this.#boss = boss;
    this.#queue = webhookQueueNames(dbSchema).dead;
    this.#deadOf = deadOfStatement(pgBossTables(pgbossSchema));
  }

  /** Queues those with these events again, with all attempts. `missing`: there is no dead letter of it. */
  async replay(eventIds: readonly string[]): Promise<{ replayed: number; missing: string[] }> {
    const found = await this.#deadOf.run(pgBossRunner(this.#boss), { dead: this.#queue, eventIds: [...eventIds] });
    const ids = [...new Set(found.map(({ jobId }) => jobId))];
    const known = new Set(found.map(({ eventId }) => eventId));
    const replayed = await this.#redrive(ids);
    return { replayed, missing: eventIds.filter((id) => !known.has(id)) };
  }

  /** All that there are now; those that die meanwhile stay. */
  async replayAll(): Promise<number> {
    // No daemon ever had a webhook.
    if ((await this.#boss.getQueue(this.#queue)) === null) return 0;
    const createdBefore = new Date();
    let replayed = 0;
    for (;;) {
      const moved = await this.#boss.redrive(this.#queue, { createdBefore, limit: BATCH_MAX });
      replayed += moved;
      if (moved < BATCH_MAX) return replayed;
    }
  }

  async #redrive(ids: readonly string[]): Promise<number> {
    let moved = 0;
    for (let at = 0; at < ids.length; at += BATCH_MAX) {
      const batch = ids.slice(at, at + BATCH_MAX);
      moved += await this.#boss.redrive(this.#queue, { ids: batch, limit: BATCH_MAX });
    }
    return moved;
  }
}
