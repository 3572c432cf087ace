import { randomUUID } from 'node:crypto';
import type { LedgerDb } from '../db/schema.ts';
import { type Micros, wholeMs } from './instant.ts';
import type { Lease } from './lease.ts';
import type { ObservedTime } from './observed-time/observed-time.ts';
import type { PoisonRegister } from './pass/poison-register.ts';
import { overdue, type RuleName, stale } from './pass/rules.ts';
import { type MatchingRow, matchingStatement } from './pass/statements/matching.ts';
import { REMAINING_COUNT_MAX } from './pass/statements/remaining.ts';
import type { StormWatch } from './storm/storm-watch.ts';
import { plannedRow, type SweepSummary } from './summary.ts';
import type { SweepReports } from './sweep-reports.ts';
import type { SweeperOptions } from './sweeper-options.ts';
import type { SweeperTables } from './tables.ts';
import { judge, type Staleness } from './threshold/staleness.ts';

interface Parts {
  readonly lease: Lease;
  readonly observed: ObservedTime;
  readonly storms: StormWatch;
  readonly poisons: PoisonRegister;
  readonly reports: SweepReports;
}

/** For one rule: the rows within the budget, and the number of the others, counted as far as `remaining` counts. */
interface Plan {
  readonly rows: readonly MatchingRow[];
  /** Over budget. */
  readonly left: number;
  /** Known to raise. */
  readonly poisoned: number;
}

/**
 * What a sweep would do now: it names every row, and locks and changes none. A row whose update is known to raise is
 * counted and not named, unless the count takes too long, which is logged; whether one that was never tried would raise, or is locked, only a sweep finds out.
 */
export class DryRun {
  readonly #db: LedgerDb;
  readonly #options: SweeperOptions;
  readonly #parts: Parts;
  readonly #statements: Readonly<Record<RuleName, ReturnType<typeof matchingStatement>>>;

  constructor(db: LedgerDb, tables: SweeperTables, options: SweeperOptions, parts: Parts) {
    this.#db = db;
    this.#options = options;
    this.#parts = parts;
    this.#statements = { overdue: matchingStatement(tables, overdue), stale: matchingStatement(tables, stale) };
  }

  async run(force: boolean): Promise<SweepSummary> {
    const { rowsMax, batchRowsMax } = this.#options;
    const { lease, observed, storms } = this.#parts;
    const sweepId = randomUUID();
    const startedAtMs = performance.now();
    const opening = await lease.look();
    const judgement = judge(await observed.read(), this.#options);
    const { nowUs, horizon, staleness } = judgement;
    const recalled = await storms.recall(opening.stormSinceUs, staleness);
    const storm = await storms.read({ sweepId: null, judgement, recalled, force });
    const held = storm.action === 'hold';
    const failed = await this.#plan(sweepId, 'overdue', nowUs, staleness, rowsMax);
    const stuck = await this.#plan(sweepId, 'stale', nowUs, staleness, storms.rowsAllowed(storm, this.#options));
    const batches = ({ rows }: Plan) => Math.ceil(rows.length / batchRowsMax);
    return {
      sweepId,
      stuck: stuck.rows.length,
      failed: failed.rows.length,
      // A held rule tries no row.
      poisoned: failed.poisoned + (held ? 0 : stuck.poisoned),
      remaining: Math.min(failed.left + failed.poisoned + stuck.left + stuck.poisoned, REMAINING_COUNT_MAX),
      truncated: failed.left > 0 || (stuck.left > 0 && !held),
      held,
      batches: batches(failed) + batches(stuck),
      durationMs: Math.round(performance.now() - startedAtMs),
      unobservedMs: wholeMs(horizon.unobservedUs),
      dryRun: true,
      rows: [
        ...failed.rows.map(({ delegationId, latenessMs }) => plannedRow('overdue', delegationId, latenessMs)),
        ...stuck.rows.map(({ delegationId, latenessMs }) => plannedRow('stale', delegationId, latenessMs)),
      ],
    };
  }

  async #plan(sweepId: string, rule: RuleName, nowUs: Micros, staleness: Staleness, rowsMax: number): Promise<Plan> {
    const { poisons, reports } = this.#parts;
    const values = { now: nowUs, staleness, rowsMax: rowsMax + REMAINING_COUNT_MAX };
    const rows = await this.#statements[rule].run(this.#db, values);
    const poisoned = await reports.apart(sweepId, 'suspects', () =>
      poisons.countMatching(rule, nowUs, staleness, REMAINING_COUNT_MAX),
    );
    return { rows: rows.slice(0, rowsMax), left: Math.max(0, rows.length - rowsMax), poisoned: poisoned ?? 0 };
  }
}
