import { boundedRead } from '../../db/bounded-read.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import type { Micros } from '../instant.ts';
import { infersSilence, type Rule, rules } from '../pass/rules.ts';
import type { Run } from '../sweep-run.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { Answers } from './answers.ts';
import { AskedRule } from './asked-rule.ts';
import { type Choice, choose, nothingChosen, type Suspect } from './choice.ts';
import { taskSuspectsStatement } from './statements/task-suspects.ts';
import type { ProbeOptions } from './suspect-probe.ts';

/** Limit of reading the suspects, on the server. */
const READ_LIMIT_MS = 20_000;
/** Suspects read for one rule, at most: those that may not be asked do not count as asked. */
const TASKS_MAX = 1_000;
/** Ids that are remembered as passed over, at most. */
const PASSED_OVER_MAX = 10_000;
/** How often it is logged that suspects are left. */
const LEFT_EVERY_MS = 60_000;

/** Chooses among the suspects of a rule, given its budget of rows. @throws the database's error. */
export type Choose = (scans: readonly Rule[], staleness: Staleness, rowsMax: number) => Promise<Choice>;

/** The asking of one sweep. */
export interface SweepProbes {
  /** Asks for as many of a rule's suspects as are allowed; the answers come later. @throws the database's error. */
  begin(scans: readonly Rule[], staleness: Staleness, rowsMax: number): Promise<AskedRule>;
  /** These were marked. */
  marked(ids: readonly string[]): void;
  /** Every rule has had its turn. */
  close(): void;
}

/**
 * Asks the agents of suspects for their tasks before the suspects are marked. An A2A task is never marked without that:
 * what is left because of A2A_PROBE_MAX waits for the next sweep, the oldest first, and a daemon sweeps again a second
 * later as long as some are left. One that was asked and could neither be helped nor marked (its row is locked) is asked
 * again only after the others.
 */
export class Probing {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #options: ProbeOptions;
  readonly #answers: Answers;
  readonly #suspects: ReadonlyMap<Rule, Readonly<Record<'all' | 'sparing', ReturnType<typeof taskSuspectsStatement>>>>;
  readonly #leftLogged = new Repeats(LEFT_EVERY_MS);
  #passedOver: ReadonlySet<string> = new Set();
  #hasLeft = false;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, options: ProbeOptions) {
    const scans = rules.filter(infersSilence);
    this.#db = db;
    this.#log = log;
    this.#options = options;
    this.#answers = new Answers(db, tables, log, scans, options);
    const statements = (rule: Rule) => ({
      all: taskSuspectsStatement(tables, rule),
      sparing: taskSuspectsStatement(tables, rule, { someKnown: true }),
    });
    this.#suspects = new Map(scans.map((rule) => [rule, statements(rule)]));
  }

  /** The last sweep of this process left suspects that it was not allowed to ask. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  open(run: Run): SweepProbes {
    // A sweep between the ticks tries no row again that is known to raise.
    const { trigger, force = false } = run.request;
    const choosing = this.#choosing(run.judgement.nowUs, trigger === 'due' ? 'sparing' : 'all', force);
    const effectless = new Set<string>();
    let [asks, left, isCutShort] = [0, 0, false];
    return {
      begin: async (scans, staleness, rowsMax) => {
        const chosen = await choosing(scans, staleness, rowsMax);
        asks += chosen.asked.length;
        left += chosen.left.length;
        isCutShort ||= chosen.isCutShort;
        for (const { delegationId } of chosen.asked) effectless.add(delegationId);
        const asked = new AskedRule(chosen);
        asked.answered = this.#answers.ask(run, chosen.asked, staleness, asked, (id) => effectless.delete(id));
        return asked;
      },
      marked: (ids) => {
        for (const id of ids) effectless.delete(id);
      },
      close: () => {
        this.#hasLeft = isCutShort;
        this.#passedOver = new Set([...this.#passedOver, ...effectless].slice(-PASSED_OVER_MAX));
        if (!isCutShort || !this.#leftLogged.claim('left')) return;
        this.#log.emit('sweep.probes_left', { sweepId: run.sweepId, asked: asks, left });
      },
    };
  }

  /** What a sweep would choose now. It asks nobody. */
  rehearse(nowUs: Micros, force: boolean): Choose {
    return this.#choosing(nowUs, 'sparing', force);
  }

  #choosing(nowUs: Micros, which: 'all' | 'sparing', force: boolean): Choose {
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
