import { boundedRead } from '../../db/bounded-read.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { Micros } from '../instant.ts';
import { infersSilence, type Rule, rules } from '../pass/rules.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { type Choice, choose, nothingChosen, type Suspect } from './choice.ts';
import { taskSuspectsStatement } from './statements/task-suspects.ts';
import type { ProbeOptions } from './suspect-probe.ts';

/** Limit of reading the suspects, on the server. */
const READ_LIMIT_MS = 20_000;
/** Suspects read for one rule, at most: those that may not be asked do not count as asked. */
const TASKS_MAX = 1_000;
/** Ids that are remembered as passed over, at most. */
const PASSED_OVER_MAX = 10_000;

/** Chooses among the suspects of a rule, given its budget of rows. @throws the database's error. */
export type Choose = (scans: readonly Rule[], staleness: Staleness, rowsMax: number) => Promise<Choice>;

/** Which suspects of a sweep are asked about. It asks nobody. */
export class SuspectChoice {
  readonly #db: LedgerDb;
  readonly #options: ProbeOptions;
  readonly #suspects: ReadonlyMap<Rule, Readonly<Record<'all' | 'sparing', ReturnType<typeof taskSuspectsStatement>>>>;
  #passedOver: ReadonlySet<string> = new Set();

  constructor(db: LedgerDb, tables: SweeperTables, options: ProbeOptions) {
    this.#db = db;
    this.#options = options;
    const statements = (rule: Rule) => ({
      all: taskSuspectsStatement(tables, rule),
      sparing: taskSuspectsStatement(tables, rule, { someKnown: true }),
    });
    this.#suspects = new Map(rules.filter(infersSilence).map((rule) => [rule, statements(rule)]));
  }

  /** These were asked without an effect: from now on they come after the others. */
  passOver(ids: Iterable<string>): void {
    this.#passedOver = new Set([...this.#passedOver, ...ids].slice(-PASSED_OVER_MAX));
  }

  /**
   * For one sweep, whose rules share A2A_PROBE_MAX. `sparing`: without those that are known to be poisoned. `force`: also while an
   * operator holds.
   */
  choosing(nowUs: Micros, which: 'all' | 'sparing', force: boolean): Choose {
    let asksLeft = this.#options.asksMax;
    return async (scans, staleness, rowsMax) => {
      if (scans.length === 0 || rowsMax <= 0) return nothingChosen;
      const suspects = await this.#read(scans, which, { now: nowUs, staleness, force }, rowsMax);
      const isAll = suspects.length < TASKS_MAX;
      const chosen = choose(suspects, this.#options.probe, { asksMax: asksLeft, isAll });
      asksLeft -= chosen.asked.length;
      return chosen;
    };
  }

  async #read(
    scans: readonly Rule[],
    which: 'all' | 'sparing',
    judged: { readonly now: Micros; readonly staleness: Staleness; readonly force: boolean },
    rowsMax: number,
  ): Promise<Suspect[]> {
    const suspects: Suspect[] = [];
    for (const rule of scans) {
      const rowsLeft = Math.min(rowsMax, TASKS_MAX) - suspects.length;
      if (rowsLeft <= 0) break;
      const values = { foundIds: [], rowsMax, passedOver: [...this.#passedOver], tasksMax: rowsLeft };
      const statement = this.#suspects.get(rule)![which];
      const rows = await boundedRead(this.#db, READ_LIMIT_MS, (db) => statement.run(db, { ...judged, ...values }));
      suspects.push(...rows.map((row) => ({ ...row, rule })));
    }
    // All of the others have had their turn.
    if (suspects[0]?.wasPassedOver) this.#passedOver = new Set();
    return suspects;
  }
}
