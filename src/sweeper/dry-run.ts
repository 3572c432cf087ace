import { randomUUID } from 'node:crypto';
import type { LedgerDb } from '../db/schema.ts';
import type { Statement } from '../db/statement.ts';
import { type Micros, wholeMs } from './instant.ts';
import type { ObservedTime } from './observed-time/observed-time.ts';
import { overdue, stale } from './pass/rules.ts';
import type { SweeperState } from './state.ts';
import { type MatchingRow, matchingStatement, REMAINING_COUNT_MAX } from './storm/probe.ts';
import type { StormWatch } from './storm/storm-watch.ts';
import { plannedRow, type SweepSummary } from './summary.ts';
import type { SweeperOptions } from './sweeper.ts';
import type { SweeperTables } from './tables.ts';
import { judge, type Staleness } from './threshold/staleness.ts';

/** What a sweep would do now: it names every row, and locks and changes none. */
export class DryRun {
  readonly #db: LedgerDb;
  readonly #options: SweeperOptions;
  readonly #state: SweeperState;
  readonly #observed: ObservedTime;
  readonly #storms: StormWatch;
  readonly #overdue: Statement<MatchingRow>;
  readonly #stale: Statement<MatchingRow>;

  constructor(
    db: LedgerDb,
    tables: SweeperTables,
    options: SweeperOptions,
    {
      state,
      observed,
      storms,
    }: { readonly state: SweeperState; readonly observed: ObservedTime; readonly storms: StormWatch },
  ) {
    this.#db = db;
    this.#options = options;
    this.#state = state;
    this.#observed = observed;
    this.#storms = storms;
    this.#overdue = matchingStatement(tables, overdue);
    this.#stale = matchingStatement(tables, stale);
  }

  async run(force: boolean): Promise<SweepSummary> {
    const { rowsMax, batchRowsMax } = this.#options;
    const startedAtMs = performance.now();
    const opening = await this.#state.look();
    const { nowUs, horizon, staleness } = judge(await this.#observed.read(), this.#options);
    const storm = await this.#storms.read(nowUs, staleness, opening.storm, force);
    const held = storm.action === 'hold';
    const failed = await this.#named(this.#overdue, nowUs, staleness, rowsMax);
    const stuck = await this.#named(this.#stale, nowUs, staleness, this.#storms.rowsAllowed(storm, this.#options));
    const batches = (rows: readonly MatchingRow[]) => Math.ceil(rows.length / batchRowsMax);
    return {
      sweepId: randomUUID(),
      stuck: stuck.rows.length,
      failed: failed.rows.length,
      poisoned: 0,
      remaining: Math.min(failed.left + stuck.left, REMAINING_COUNT_MAX),
      truncated: failed.left > 0 || (stuck.left > 0 && !held),
      held,
      batches: batches(failed.rows) + batches(stuck.rows),
      durationMs: Math.round(performance.now() - startedAtMs),
      unobservedMs: wholeMs(horizon.unobservedUs),
      dryRun: true,
      rows: [
        ...failed.rows.map(({ delegationId, latenessMs }) => plannedRow('overdue', delegationId, latenessMs)),
        ...stuck.rows.map(({ delegationId, latenessMs }) => plannedRow('stale', delegationId, latenessMs)),
      ],
    };
  }

  /** The rows within the budget, and how many more match, counted as far as `remaining` counts. */
  async #named(statement: Statement<MatchingRow>, nowUs: Micros, staleness: Staleness, rowsMax: number) {
    const rows = await statement.run(this.#db, [nowUs, staleness, rowsMax + REMAINING_COUNT_MAX]);
    return { rows: rows.slice(0, rowsMax), left: Math.max(0, rows.length - rowsMax) };
  }
}
