import type { LedgerDb } from '../../db/schema.ts';
import { Periodic } from '../../lifecycle/periodic.ts';
import type { Service } from '../../lifecycle/service.ts';
import { LOOK_EVERY_MS } from './next-step.ts';
import { lastActivitiesStatement } from './statements/last-activities.ts';
import { transactionStatement } from './statements/transaction.ts';
import { Stillness } from './stillness.ts';

/** A reading that takes longer, since a sequence is locked or a connection hangs, is no reason to rest meanwhile. */
const READING_MAX_MS = 1_000;

/**
 * Finds in one statement for all ledgers of a daemon whether something has begun in one of them. A ledger in which nothing is open is not
 * looked at meanwhile. While it cannot be read, each is looked at by itself.
 */
export class StillnessWatch implements Service {
  readonly name = 'stillness watch';
  readonly #db: LedgerDb;
  readonly #statement = lastActivitiesStatement();
  readonly #transaction = transactionStatement();
  readonly #watched = new Map<string, Stillness>();
  readonly #readings: Periodic;

  constructor(db: LedgerDb) {
    this.#db = db;
    this.#readings = new Periodic({
      name: this.name,
      everyMs: LOOK_EVERY_MS,
      run: () => this.#read(),
      // The looks meet the same fault, and report it.
      onError: () => this.#disturbAll(),
    });
  }

  add(ledger: string): Stillness {
    const stillness = new Stillness();
    this.#watched.set(ledger, stillness);
    return stillness;
  }

  remove(ledger: string, stillness: Stillness): void {
    if (this.#watched.get(ledger) === stillness) this.#watched.delete(ledger);
  }

  start(): Promise<void> {
    return this.#readings.start();
  }

  stop(): Promise<void> {
    return this.#readings.stop();
  }

  async #read(): Promise<void> {
    const watched = new Map(this.#watched);
    if (watched.size === 0) return;
    const late = setTimeout(() => this.#disturbAll(), READING_MAX_MS);
    const rows = await this.#statement
      .run(this.#db, { ledgers: [...watched.keys()] })
      .finally(() => clearTimeout(late));
    for (const { ledger, drawn, runningFrom } of rows) {
      watched.get(ledger)!.take({ drawn, runningFrom: BigInt(runningFrom) });
    }
    // Only where something was drawn since the reading before: an idle server's transactions are not counted up.
    const unmarked = [...watched.values()].filter(({ needsMark }) => needsMark);
    if (unmarked.length === 0) return;
    const [row] = await this.#transaction.run(this.#db, {});
    for (const stillness of unmarked) stillness.mark(BigInt(row!.transaction));
  }

  #disturbAll(): void {
    for (const stillness of this.#watched.values()) stillness.take(null);
  }
}
