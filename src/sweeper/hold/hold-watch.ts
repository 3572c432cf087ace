import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';
import type { OperatorHold } from './operator-hold.ts';
import { latestHoldsStatement } from './statements/latest-holds.ts';
import { logEndsStatement } from './statements/log-ends.ts';

/** The operators' holds as a sweep meets them. Emits sweep.held and sweep.released. All methods throw the database's error. */
export class HoldWatch {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #latest: ReturnType<typeof latestHoldsStatement>;
  readonly #logEnds: ReturnType<typeof logEndsStatement>;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog) {
    this.#db = db;
    this.#log = log;
    this.#latest = latestHoldsStatement(tables);
    this.#logEnds = logEndsStatement(tables);
  }

  /** Logs the holds that have ended since the last sweep: each once, by whichever replica comes first. */
  async logEnds(sweepId: string, nowUs: Micros): Promise<void> {
    for (const hold of await this.#logEnds.run(this.#db, { now: nowUs })) {
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

/** A clock that was set back may have come between two instants. */
function wholeAndPositive(ms: number): number {
  return Math.max(0, Math.floor(ms));
}
