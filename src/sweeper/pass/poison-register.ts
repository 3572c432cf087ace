import { boundedRead } from '../../db/bounded-read.ts';
import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Micros } from '../instant.ts';
import { type Notices, REPORT_LIMIT_MS } from '../notices.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import type { Poison } from './poison.ts';
import { type RuleName, ruleNames } from './rules.ts';
import { anyPoisonedStatement } from './statements/any-poisoned.ts';
import { forgetHealedStatement } from './statements/forget-healed.ts';
import { poisonedCountStatement } from './statements/poisoned-count.ts';
import { suspectsStatement } from './statements/suspects.ts';

/** The sweep waits at most this long. Without the list it goes on, and finds these rows in its batches. */
const READ_LIMIT_MS = 5_000;

/**
 * The rows whose update raises: each is logged once an hour, tried again apart from its batch, and removed from the list
 * when no rule matches it any more. However many are known, all are left out of the batches; of more than a thousand each
 * sweep tries those last logged over an hour ago first, then others at random.
 */
export class PoisonRegister {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #notices: Notices;
  readonly #any: ReturnType<typeof anyPoisonedStatement>;
  readonly #suspects: ReturnType<typeof suspectsStatement>;
  readonly #forget: ReturnType<typeof forgetHealedStatement>;
  readonly #counts: ReadonlyMap<RuleName, ReturnType<typeof poisonedCountStatement>>;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, faults: Notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = faults;
    this.#any = anyPoisonedStatement(tables);
    this.#suspects = suspectsStatement(tables);
    this.#forget = forgetHealedStatement(tables);
    this.#counts = new Map(ruleNames.map((name) => [name, poisonedCountStatement(tables, name)]));
  }

  /** Whether any is known. @throws the database's error. */
  async anyKnown(): Promise<boolean> {
    return (await this.#any.run(this.#db, {}))[0]!.any;
  }

  /** The rows to try again. Throws the database's error. */
  async suspects(): Promise<string[]> {
    const rows = await limited(this.#db, READ_LIMIT_MS, (session) => this.#suspects.run(session, {}));
    return rows.map(({ delegationId }) => delegationId);
  }

  /** How many known ones a rule matches, counted up to `countMax`. @throws the database's error. */
  async countMatching(rule: RuleName, nowUs: Micros, staleness: Staleness, countMax: number): Promise<number> {
    const statement = this.#counts.get(rule)!;
    const [row] = await boundedRead(this.#db, READ_LIMIT_MS, (session) =>
      statement.run(session, { now: nowUs, staleness, countMax }),
    );
    return row!.known;
  }

  /** Adds these rows to the list, and logs those that have not been logged for an hour. */
  async report(sweepId: string, rule: RuleName, poisons: readonly Poison[]): Promise<void> {
    const errors = new Map(poisons.map(({ delegationId, err }) => [delegationId, err]));
    for (const delegationId of await this.#notices.claim('poisoned', [...errors.keys()])) {
      this.#log.emit('sweep.poisoned', { sweepId, rule, delegationId, err: errorFields(errors.get(delegationId)) });
    }
  }

  /** Removes those of these rows that no rule matches any more. One that was not tried, or is locked, stays. */
  async forgetHealed(nowUs: Micros, staleness: Staleness, suspects: readonly string[]): Promise<void> {
    if (suspects.length === 0) return;
    await limited(this.#db, REPORT_LIMIT_MS, (session) =>
      this.#forget.run(session, { now: nowUs, staleness, ids: suspects }),
    );
  }
}
