import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';
import { HoldPublication } from '../publishing/hold-publication.ts';
import { logUnpublished, type Unpublished } from '../publishing/refused.ts';
import type { SweeperTables } from '../tables.ts';
import { releasedNews, wholeAndPositive } from './hold-news.ts';
import type { OperatorHold } from './operator-hold.ts';
import { latestHoldsStatement } from './statements/latest-holds.ts';
import { logEndsStatement } from './statements/log-ends.ts';

/** Limit of each statement on the server. */
const LIMIT_MS = 10_000;

/** The operators' holds as a sweep meets them. Emits sweep.held and sweep.released. All methods throw the database's error. */
export class HoldWatch {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #latest: ReturnType<typeof latestHoldsStatement>;
  readonly #logEnds: ReturnType<typeof logEndsStatement>;
  readonly #publication: HoldPublication;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog) {
    this.#db = db;
    this.#log = log;
    this.#latest = latestHoldsStatement(tables);
    this.#logEnds = logEndsStatement(tables);
    this.#publication = new HoldPublication(tables);
  }

  /**
   * Logs the holds that have ended since the last sweep: each once, by whichever replica comes first. Publishes the ends of
   * those whose time has passed; the ends that an operator made have been.
   */
  async logEnds(sweepId: string, nowUs: Micros): Promise<void> {
    const unpublished: Unpublished[] = [];
    const ended = await limited(this.#db, LIMIT_MS, async (db) => {
      const holds = await this.#logEnds.run(db, { now: nowUs });
      for (const { holdId, ...hold } of holds.filter(({ hasExpired }) => hasExpired)) {
        unpublished.push(await this.#publication.publish(db, holdId, releasedNews(hold, 'expired')));
      }
      return holds;
    });
    for (const one of unpublished) logUnpublished(this.#log, sweepId, one);
    for (const hold of ended) {
      // A row whose end was to be logged has one, and was not replaced.
      const why = hold.endedWhy === 'operator' ? 'operator' : 'expired';
      this.#released(sweepId, why, hold, hold.endedAt!.getTime());
    }
  }

  /** Logs that this sweep ignores the hold. */
  async logForced(sweepId: string, nowUs: Micros): Promise<void> {
    const [hold] = await this.#latest.run(this.#db, { rowsMax: 1 });
    if (hold !== undefined) this.#released(sweepId, 'forced', hold, nowUs / MICROS_PER_MS);
  }

  /** Logs that this sweep was held, with the rows that it would have marked. Null: they could not be counted. */
  async logHeld(sweepId: string, nowUs: Micros, stale: number | null): Promise<void> {
    const [hold] = await this.#latest.run(this.#db, { rowsMax: 1 });
    if (hold === undefined) return;
    const { since, until, reason } = hold;
    const nowMs = nowUs / MICROS_PER_MS;
    this.#log.emit('sweep.held', {
      sweepId,
      stale,
      inFlight: null,
      ratio: null,
      callees: [],
      heldForMs: wholeAndPositive(nowMs - since.getTime()),
      releasesInMs: wholeAndPositive(until.getTime() - nowMs),
      by: 'operator',
      reason,
    });
  }

  #released(sweepId: string, why: 'operator' | 'expired' | 'forced', { since, reason }: OperatorHold, atMs: number) {
    const heldForMs = wholeAndPositive(atMs - since.getTime());
    this.#log.emit('sweep.released', { sweepId, why, heldForMs, stale: null, inFlight: null, by: 'operator', reason });
  }
}
