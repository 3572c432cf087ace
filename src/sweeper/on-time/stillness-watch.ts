import type { LedgerDb } from '../../db/schema.ts';
import { timed } from '../../db/timed.ts';
import { Periodic } from '../../lifecycle/periodic.ts';
import type { Service } from '../../lifecycle/service.ts';
import { Round } from '../rounds/round.ts';
import { LOOK_EVERY_MS } from './next-step.ts';
import { lastActivitiesStatement } from './statements/last-activities.ts';
import { transactionStatement } from './statements/transaction.ts';
import { type ActivityReading, Stillness } from './stillness.ts';

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

  /** `db`: gives up a statement that takes seconds, so that nobody rests for long while one hangs. */
  constructor(db: LedgerDb) {
    const statement = lastActivitiesStatement();
    this.#db = db;
    this.#last = new Round<null, ActivityReading | null>(async (ledgers) => {
      const { result, tookMs } = await timed(db, (session) => statement.run(session, { ledgers }));
      const answers = result.map(({ drawn, runningFrom }) => ({ drawn, runningFrom: BigInt(runningFrom) }));
      return { answers, tookMs };
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
    const read = async ([ledger, stillness]: readonly [string, Stillness]) =>
      stillness.take(await this.#last.ask(ledger, null, async () => null).catch(() => null));
    await Promise.all(watched.map(read));
    // Only where something was drawn since the reading before: an idle server's transactions are not counted up.
    const unmarked = watched.filter(([, { needsMark }]) => needsMark);
    if (unmarked.length === 0) return;
    const [row] = await this.#transaction.run(this.#db, {});
    for (const [, stillness] of unmarked) stillness.mark(BigInt(row!.transaction));
  }
}
