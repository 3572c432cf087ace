import { randomUUID } from 'node:crypto';
import type { LedgerDb } from '../db/schema.ts';
import type { Statement } from '../db/statement.ts';
import { type Micros, wholeMs } from './instant.ts';
import { observedHorizon } from './observed-time/horizon.ts';
import type { PoisonRegister } from './pass/poison-register.ts';
import { overdue, stale } from './pass/rules.ts';
import type { SweeperState } from './state.ts';
import { type MatchingRow, matchingStatement, REMAINING_COUNT_MAX } from './storm/probe.ts';
import type { StormWatch } from './storm/storm-watch.ts';
import { plannedRow, type SweepSummary } from './summary.ts';
import type { SweeperOptions } from './sweeper.ts';
import type { SweeperTables } from './tables.ts';

interface Parts {
  readonly state: SweeperState;
  readonly storms: StormWatch;
  readonly poisons: PoisonRegister;
}

/** What a sweep would do now: it names every row, and locks and changes none. */
export class DryRun {
  readonly #db: LedgerDb;
  readonly #options: SweeperOptions;
  readonly #state: SweeperState;
  readonly #storms: StormWatch;
  readonly #poisons: PoisonRegister;
  readonly #overdue: Statement<MatchingRow>;
  readonly #stale: Statement<MatchingRow>;

  constructor(db: LedgerDb, tables: SweeperTables, options: SweeperOptions, { state, storms, poisons }: Parts) {
    this.#db = db;
    this.#options = options;
    this.#state = state;
    this.#storms = storms;
    this.#poisons = poisons;
    this.#overdue = matchingStatement(tables, overdue);
    this.#stale = matchingStatement(tables, stale);
  }

  async run(force: boolean): Promise<SweepSummary> {
    const { stuckAfterMs, rowsMax, batchRowsMax } = this.#options;
    const startedAtMs = performance.now();
    const opening = await this.#state.look();
    const { nowUs } = opening;
    const horizon = observedHorizon(opening, stuckAfterMs);
    const recalled = await this.#storms.recall(opening.stormSinceUs);
    const { all: poisons } = await this.#poisons.known();
    const storm = await this.#storms.read({
      sweepId: null,
      observation: opening,
      horizonUs: horizon.atUs,
      stuckAfterMs,
      poisons,
      recalled,
      force,
    });
    const held = storm.action === 'hold';
    const failed = await this.#named(this.#overdue, nowUs, horizon.atUs, rowsMax);
    const stuck = await this.#named(this.#stale, nowUs, horizon.atUs, this.#storms.rowsAllowed(storm, this.#options));
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
  async #named(statement: Statement<MatchingRow>, nowUs: Micros, horizonUs: Micros, rowsMax: number) {
    const rows = await statement.run(this.#db, [nowUs, horizonUs, rowsMax + REMAINING_COUNT_MAX]);
    return { rows: rows.slice(0, rowsMax), left: Math.max(0, rows.length - rowsMax) };
  }
}
