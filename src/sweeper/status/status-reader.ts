import { boundedRead } from '../../db/bounded-read.ts';
import type { Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { sweeperTables } from '../tables.ts';
import { type Census, type CensusRow, censusOf, censusStatement } from './census.ts';
import { type Cron, nextOccurrence, pastOccurrence } from './cron.ts';
import { type Day, dayStatement, falsePositiveRatio } from './day.ts';
import { type History, historyStatements } from './history.ts';
import { type LastSweep, lastSweepStatement } from './last-sweep.ts';
import { type Oldest, oldestStatement } from './oldest.ts';
import { type Vitals, vitalsStatement } from './vitals.ts';

export interface StatusOptions {
  readonly cron: Cron;
  /** The threshold, as long as no daemon has kept its own. */
  readonly stuckAfterMs: number;
  readonly stormMaxHoldMs: number;
}

/** Whether it sweeps, and since when it should have. */
export interface Punctuality {
  readonly now: Date;
  readonly sweptAt: Date | null;
  readonly nextAt: Date;
  /** The last sweep should not be older than this: the third latest occurrence of the schedule. */
  readonly dueSince: Date;
}

export interface Storm {
  /** `held`: nothing is marked stuck. `released`: the hold ran out, and a twentieth of the silent is marked a sweep. */
  readonly state: 'calm' | 'held' | 'released';
  readonly since: Date | null;
  /** When the hold runs out. */
  readonly until: Date | null;
}

/** What an operator asks first. Instants are the database's clock. */
export interface Status extends Punctuality {
  /** This host's clock minus the database's. */
  readonly skewMs: number;
  readonly beatAt: Date | null;
  readonly stuckAfterMs: number;
  readonly storm: Storm;
  readonly lastSweep: LastSweep | null;
  readonly day: Day & { readonly falsePositiveRatio: number | null };
  readonly oldest: Oldest;
}

/** Occurrences that may pass without a successful sweep. */
const OCCURRENCES_MAX = 3;
/** What the server spends on a reading's statement, at most. */
const STATEMENT_TIMEOUT_MS = 5_000;

/** Reads, from the database alone, how the sweeper fares; so any process can, and all say the same. */
export class StatusReader {
  readonly #db: LedgerDb;
  readonly #options: StatusOptions;
  readonly #vitals: Statement<Vitals>;
  readonly #lastSweep: Statement<LastSweep>;
  readonly #day: Statement<Day>;
  readonly #oldest: Statement<Oldest>;
  readonly #census: Statement<CensusRow>;
  readonly #history: ReturnType<typeof historyStatements>;

  constructor(db: LedgerDb, options: StatusOptions) {
    const tables = sweeperTables(db);
    this.#db = db;
    this.#options = options;
    this.#vitals = vitalsStatement(tables);
    this.#lastSweep = lastSweepStatement(tables);
    this.#day = dayStatement(tables);
    this.#oldest = oldestStatement(tables);
    this.#census = censusStatement(tables);
    this.#history = historyStatements(tables);
  }

  /** One row. Throws the database's error, as all of these. */
  async punctuality(): Promise<Punctuality> {
    return this.#punctualityOf(await this.#readVitals(this.#db));
  }

  /** A handful of index probes and a day's sweeps. */
  status(): Promise<Status> {
    return boundedRead(this.#db, STATEMENT_TIMEOUT_MS, async (db) => {
      const beforeMs = Date.now();
      const vitals = await this.#readVitals(db);
      const skewMs = Math.round((beforeMs + Date.now()) / 2 - vitals.now.getTime());
      const [lastSweep] = await this.#lastSweep.run(db, []);
      const day = (await this.#day.run(db, []))[0]!;
      const oldest = (await this.#oldest.run(db, []))[0]!;
      return {
        ...this.#punctualityOf(vitals),
        skewMs,
        beatAt: vitals.beatAt,
        stuckAfterMs: vitals.stuckAfterMs ?? this.#options.stuckAfterMs,
        storm: this.#stormOf(vitals),
        lastSweep: lastSweep ?? null,
        day: { ...day, falsePositiveRatio: falsePositiveRatio(day) },
        oldest,
      };
    });
  }

  /** Looks at each open delegation, a million at most, at about 1.5 microseconds each. */
  census(): Promise<Census> {
    return boundedRead(this.#db, STATEMENT_TIMEOUT_MS, async (db) => {
      const { now, stuckAfterMs } = await this.#readVitals(db);
      return censusOf(await this.#census.run(db, [stuckAfterMs ?? this.#options.stuckAfterMs]), now);
    });
  }

  history(): Promise<History> {
    return boundedRead(this.#db, STATEMENT_TIMEOUT_MS, async (db) => ({
      bins: await this.#history.bins.run(db, []),
      marks: await this.#history.marks.run(db, []),
      callees: await this.#history.callees.run(db, []),
      gaps: await this.#history.gaps.run(db, []),
    }));
  }

  async #readVitals(db: LedgerDb): Promise<Vitals> {
    const [vitals] = await this.#vitals.run(db, []);
    if (!vitals) throw new Error('sweeper_state has lost its one row; insert it again');
    return vitals;
  }

  #punctualityOf({ now, sweptAt }: Vitals): Punctuality {
    const { cron } = this.#options;
    return { now, sweptAt, nextAt: nextOccurrence(cron, now), dueSince: pastOccurrence(cron, now, OCCURRENCES_MAX) };
  }

  #stormOf({ stormHeldSince, stormUnobservedMs, stormReleasedAt, stormReleasedWhy }: Vitals): Storm {
    if (stormHeldSince === null || stormReleasedWhy === 'calm') return { state: 'calm', since: null, until: null };
    if (stormReleasedAt !== null) return { state: 'released', since: stormReleasedAt, until: null };
    const until = new Date(stormHeldSince.getTime() + stormUnobservedMs + this.#options.stormMaxHoldMs);
    return { state: 'held', since: stormHeldSince, until };
  }
}
