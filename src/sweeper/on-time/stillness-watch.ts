import type { LedgerDb } from '../../db/schema.ts';
import { Periodic } from '../../lifecycle/periodic.ts';
import type { Service } from '../../lifecycle/service.ts';
import { Round } from '../rounds/round.ts';
import { LOOK_EVERY_MS } from './next-step.ts';
import { lastActivitiesStatement } from './statements/last-activities.ts';
import { transactionStatement } from './statements/transaction.ts';
import { type ActivityReading, Stillness } from './stillness.ts';

/** A reading that takes longer, since a connection hangs, is no reason to rest meanwhile. */
const READING_MAX_MS = 1_000;

/**
 * Finds by one statement for fifty ledgers of a daemon whether something has begun in one of them. A ledger in which nothing is open is not
 * looked at meanwhile. One that cannot be read, since its sequence is locked or it fails the statement, is looked at by itself.
 */
export class StillnessWatch implements Service {
  readonly name = 'stillness watch';
  readonly #db: LedgerDb;
  readonly #last: Round<null, ActivityReading | null>;
  readonly #transaction = transactionStatement();
  readonly #watched = new Map<string, Stillness>();
  readonly #readings: Periodic;

  /** `db`: gives up a statement that takes seconds. */
  constructor(db: LedgerDb) {
    const statement = lastActivitiesStatement();
    this.#db = db;
    this.#last = new Round(async (ledgers) => {
      const rows = await statement.run(db, { ledgers });
      return rows.map(({ drawn, runningFrom }) => ({ drawn, runningFrom: BigInt(runningFrom) }));
    });
    this.#readings = new Periodic({
      name: this.name,
      everyMs: LOOK_EVERY_MS,
      run: () => this.#read(),
      // The looks meet the same fault, and report it.
      onError: () => {},
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
    const watched = [...this.#watched];
    const late = setTimeout(() => {
      for (const [, stillness] of watched) stillness.disturb();
    }, READING_MAX_MS);
    const read = async ([ledger, stillness]: readonly [string, Stillness]) =>
      stillness.take(await this.#last.ask(ledger, null, async () => null).catch(() => null));
    await Promise.all(watched.map(read));
    clearTimeout(late);
    // Only where something was drawn since the reading before: an idle server's transactions are not counted up.
    const unmarked = watched.filter(([, { needsMark }]) => needsMark);
    if (unmarked.length === 0) return;
    const [row] = await this.#transaction.run(this.#db, {});
    for (const [, stillness] of unmarked) stillness.mark(BigInt(row!.transaction));
  }
}
