import { boundedRead } from '../../db/bounded-read.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { holdInForce, type OperatorHold } from '../hold/operator-hold.ts';
import { latestHoldsStatement } from '../hold/statements/latest-holds.ts';
import { stateRow } from '../state-row.ts';
import { type SweeperTables, sweeperTables } from '../tables.ts';
import { type Census, censusOf } from './census.ts';
import type { Cron } from './cron.ts';
import { falsePositiveRatio } from './day.ts';
import type { History } from './history.ts';
import { punctualityOf } from './punctuality.ts';
import { censusStatement } from './statements/census.ts';
import { type DaemonState, daemonStateStatement } from './statements/daemon-state.ts';
import { dayStatement } from './statements/day.ts';
import { lastSweepStatement } from './statements/last-sweep.ts';
import { oldestStatement } from './statements/oldest.ts';
import { recentGapsStatement } from './statements/recent-gaps.ts';
import { recentMarksStatement } from './statements/recent-marks.ts';
import { stuckCalleesStatement } from './statements/stuck-callees.ts';
import { sweepBinsStatement } from './statements/sweep-bins.ts';
import type { Hold, Punctuality, Status, Storm } from './status.ts';
import { stormOf } from './storm-of.ts';

export interface StatusOptions {
  readonly cron: Cron;
  /** The threshold, as long as no daemon has published one. */
  readonly stuckAfterMs: number;
  readonly stormMaxHoldMs: number;
}

/** Holds of operators that are read. */
const HOLDS_SHOWN = 10;
/** The server ends a reading's statement after this. */
const STATEMENT_TIMEOUT_MS = 5_000;

/**
 * Reads the sweeper's status from the database alone, so that any process can, and all give the same answer. Every
 * reading is bounded in rows and in time. All methods throw the database's error.
 */
export class StatusReader {
  readonly #db: LedgerDb;
  readonly #options: StatusOptions;
  readonly #statements: ReturnType<typeof statusStatements>;

  constructor(db: LedgerDb, options: StatusOptions) {
    this.#db = db;
    this.#options = options;
    this.#statements = statusStatements(sweeperTables(db));
  }

  /** Costs one row. */
  async punctuality(): Promise<Punctuality> {
    return this.#punctualityOf(await this.#readState(this.#db));
  }

  /** Costs a handful of index probes and a day's sweeps. */
  status(): Promise<Status> {
    return boundedRead(this.#db, STATEMENT_TIMEOUT_MS, async (db) => {
      const beforeMs = Date.now();
      const state = await this.#readState(db);
      const skewMs = Math.round((beforeMs + Date.now()) / 2 - state.now.getTime());
      const [lastSweep] = await this.#statements.lastSweep.run(db, {});
      const day = (await this.#statements.day.run(db, {}))[0]!;
      const stuckAfterMs = state.stuckAfterMs ?? this.#options.stuckAfterMs;
      const operatorHolds = await this.#statements.holds.run(db, { rowsMax: HOLDS_SHOWN });
      const storm = stormOf(state, this.#options.stormMaxHoldMs);
      const oldest = (await this.#statements.oldest.run(db, { stuckAfterMs }))[0]!;
      return {
        ...this.#punctualityOf(state),
        skewMs,
        beatAt: state.beatAt,
        stuckAfterMs,
        storm,
        hold: holdOf(holdInForce(operatorHolds, state.now), storm),
        operatorHolds,
        lastSweep: lastSweep ?? null,
        day: { ...day, falsePositiveRatio: falsePositiveRatio(day) },
        oldest,
      };
    });
  }

  /** Costs about 1.5 microseconds per open delegation, for a million of them at most. */
  census(): Promise<Census> {
    return boundedRead(this.#db, STATEMENT_TIMEOUT_MS, async (db) => {
      const { now, stuckAfterMs } = await this.#readState(db);
      const values = { stuckAfterMs: stuckAfterMs ?? this.#options.stuckAfterMs };
      return censusOf(await this.#statements.census.run(db, values), now);
    });
  }

  history(): Promise<History> {
    return boundedRead(this.#db, STATEMENT_TIMEOUT_MS, async (db) => ({
      bins: await this.#statements.bins.run(db, {}),
      marks: await this.#statements.marks.run(db, {}),
      callees: await this.#statements.callees.run(db, {}),
      gaps: await this.#statements.gaps.run(db, {}),
    }));
  }

  async #readState(db: LedgerDb): Promise<DaemonState> {
    return stateRow((await this.#statements.state.run(db, {}))[0]);
  }

  #punctualityOf({ now, sweptAt }: DaemonState): Punctuality {
    return punctualityOf(this.#options.cron, now, sweptAt);
  }
}

function holdOf(operators: OperatorHold | null, storm: Storm): Hold | null {
  if (operators !== null) {
    const { reason, since, until, madeBy, madeRole } = operators;
    return { by: 'operator', reason, since, until, madeBy, madeRole };
  }
  const { state, since, until } = storm;
  if (state !== 'held' || since === null || until === null) return null;
  return { by: 'storm', reason: null, since, until, madeBy: null, madeRole: null };
}

function statusStatements(tables: SweeperTables) {
  return {
    state: daemonStateStatement(tables),
    lastSweep: lastSweepStatement(tables),
    holds: latestHoldsStatement(tables),
    day: dayStatement(tables),
    oldest: oldestStatement(tables),
    census: censusStatement(tables),
    bins: sweepBinsStatement(tables),
    marks: recentMarksStatement(tables),
    callees: stuckCalleesStatement(tables),
    gaps: recentGapsStatement(tables),
  };
}
