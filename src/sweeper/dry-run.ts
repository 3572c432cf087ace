import { randomUUID } from 'node:crypto';
import type { LedgerDb } from '../db/schema.ts';
import { Forecasting } from './forecast.ts';
import { type Micros, wholeMs } from './instant.ts';
import type { Lease } from './lease.ts';
import type { ObservedTime } from './observed-time/observed-time.ts';
import type { PoisonRegister } from './pass/poison-register.ts';
import { infersSilence, type RuleName, rules } from './pass/rules.ts';
import { type MatchingRow, matchingStatement } from './pass/statements/matching.ts';
import { REMAINING_COUNT_MAX } from './pass/statements/remaining.ts';
import { retriableStatement } from './pass/statements/retriable.ts';
import { retries } from './pass/statements/retried.ts';
import { type Choice, nothingChosen } from './probe/choice.ts';
import type { Probing } from './probe/probing.ts';
import type { StormWatch } from './storm/storm-watch.ts';
import { type Foreseen, plannedRow, type SweepSummary } from './summary.ts';
import type { SweepReports } from './sweep-reports.ts';
import type { SweeperOptions } from './sweeper-options.ts';
import type { SweeperTables } from './tables.ts';
import { type Judgement, judge, type Staleness } from './threshold/staleness.ts';

interface Parts {
  readonly lease: Lease;
  readonly observed: ObservedTime;
  readonly storms: StormWatch;
  readonly poisons: PoisonRegister;
  readonly reports: SweepReports;
  /** Null: no agent is asked. */
  readonly probing: Probing | null;
}

/** Ids in one question about retries. */
const IDS_MAX = 10_000;

/** For one rule: the rows within the budget, and the number of the others, counted as far as `remaining` counts. */
interface Plan {
  readonly rule: RuleName;
  readonly rows: readonly Foreseen[];
  /** Over budget, or not asked by this sweep. */
  readonly left: number;
  /** Known to raise. */
  readonly poisoned: number;
}

interface PlanRequest {
  readonly sweepId: string;
  readonly rule: RuleName;
  readonly nowUs: Micros;
  readonly staleness: Staleness;
  readonly rowsMax: number;
  readonly chosen: Choice;
}

/**
 * What a sweep would do now: it names every row, and locks and changes none. A row whose update is known to raise is
 * counted and not named, unless the count takes too long, which is logged; whether one that was never tried would raise, or is locked, only a sweep finds out.
 */
export class DryRun {
  readonly #db: LedgerDb;
  readonly #options: SweeperOptions;
  readonly #parts: Parts;
  /** Null: nothing is tried again. */
  readonly #retriable: ReturnType<typeof retriableStatement> | null;
  readonly #forecasting: Forecasting;
  readonly #statements: readonly { readonly name: RuleName; readonly matching: ReturnType<typeof matchingStatement> }[];

  constructor(db: LedgerDb, tables: SweeperTables, options: SweeperOptions, parts: Parts) {
    this.#db = db;
    this.#options = options;
    this.#parts = parts;
    const { retriesMax = 0 } = options;
    this.#retriable = rules.some((rule) => retries(rule, retriesMax)) ? retriableStatement(tables, retriesMax) : null;
    this.#forecasting = new Forecasting(db, tables, options, parts.storms);
    this.#statements = rules.map((rule) => {
      const tasks = parts.probing !== null && infersSilence(rule);
      return { name: rule.name, matching: matchingStatement(tables, rule, { tasks }) };
    });
  }

  async run(force: boolean): Promise<SweepSummary> {
    const { batchRowsMax } = this.#options;
    const { lease, observed, probing } = this.#parts;
    const sweepId = randomUUID();
    const startedAtMs = performance.now();
    const opening = await lease.look();
    const judgement = judge(await observed.read(), this.#options);
    const { nowUs, horizon } = judgement;
    const choose = probing?.rehearse(nowUs, force) ?? null;
    const { held, heldBy, rules: forecasts } = await this.#forecasting.read(opening, judgement, choose, force);
    const plan = (rule: RuleName) => this.#plan({ sweepId, rule, nowUs, ...forecasts[rule] });
    const overdue = await plan('overdue');
    const stale = await plan('stale');
    const stalled = await plan('stalled');
    const isGuarded = forecasts.stalled.staleness !== judgement.staleness;
    const unheard = isGuarded && !held ? await this.#unheard(sweepId, judgement, stalled) : 0;
    const plans = [overdue, stale, stalled];
    // A rule that is held tries no row.
    const tried = held ? [overdue] : plans;
    const sum = (of: readonly Plan[], count: (plan: Plan) => number) =>
      of.reduce((total, each) => total + count(each), 0);
    return {
      sweepId,
      stuck: stale.rows.length + stalled.rows.length,
      failed: overdue.rows.length,
      retried: sum(plans, ({ rows }) => rows.filter(({ isRetried }) => isRetried).length),
      poisoned: sum(tried, ({ poisoned }) => poisoned),
      remaining: Math.min(sum(plans, ({ left, poisoned }) => left + poisoned) + unheard, REMAINING_COUNT_MAX),
      truncated: tried.some(({ left }) => left > 0),
      held,
      heldBy,
      batches: sum(plans, ({ rows }) => Math.ceil(rows.length / batchRowsMax)),
      durationMs: Math.round(performance.now() - startedAtMs),
      unobservedMs: wholeMs(horizon.unobservedUs),
      dryRun: true,
      rows: plans.flatMap(({ rule, rows }) => rows.map((row) => plannedRow(rule, row))),
    };
  }

  async #plan({ sweepId, rule, nowUs, staleness, chosen, ...request }: PlanRequest): Promise<Plan> {
    const { poisons, reports } = this.#parts;
    const { refused, asked, left: unasked } = chosen;
    const rowsMax = request.rowsMax - refused.length - asked.length;
    const countMax = rowsMax + REMAINING_COUNT_MAX;
    const rows: MatchingRow[] = [];
    for (const { matching } of this.#statements.filter(({ name }) => name === rule)) {
      const values = { now: nowUs, staleness, rowsMax: countMax - rows.length };
      if (values.rowsMax > 0) rows.push(...(await matching.run(this.#db, values)));
    }
    const poisoned = await reports.apart(sweepId, 'suspects', () =>
      poisons.countMatching(rule, nowUs, staleness, REMAINING_COUNT_MAX),
    );
    const left = Math.max(0, rows.length - rowsMax) + unasked.length;
    const taken = [...asked, ...refused, ...rows.slice(0, rowsMax)];
    const retried = await this.#retriedOf(rule, taken);
    return {
      rule,
      rows: taken.map(({ delegationId, latenessMs }, place) => {
        return { delegationId, latenessMs, isAsked: place < asked.length, isRetried: retried.has(delegationId) };
      }),
      left,
      poisoned: poisoned ?? 0,
    };
  }

  /** Those of the rows that a sweep would try again. */
  async #retriedOf(rule: RuleName, rows: readonly { readonly delegationId: string }[]): Promise<ReadonlySet<string>> {
    const retried = new Set<string>();
    if (this.#retriable === null || !infersSilence({ name: rule })) return retried;
    for (let from = 0; from < rows.length; from += IDS_MAX) {
      const ids = rows.slice(from, from + IDS_MAX).map(({ delegationId }) => delegationId);
      for (const { delegationId } of await this.#retriable.run(this.#db, { ids })) retried.add(delegationId);
    }
    return retried;
  }

  /** Stalled rows that are given time to be heard: they remain, as those that are held. */
  async #unheard(sweepId: string, { nowUs, staleness }: Judgement, stalled: Plan): Promise<number> {
    const request = { sweepId, rule: 'stalled', nowUs, staleness, rowsMax: 0, chosen: nothingChosen } as const;
    const all = await this.#plan(request);
    return Math.max(0, all.left + all.poisoned - stalled.rows.length - stalled.left - stalled.poisoned);
  }
}
