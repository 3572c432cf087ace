import { randomUUID } from 'node:crypto';
import type { LedgerDb } from '../db/schema.ts';
import { isRetryable } from '../db/sqlstate.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { DryRun } from './dry-run.ts';
import { type Micros, wholeMs } from './instant.ts';
import { type Horizon, observedHorizon } from './observed-time/horizon.ts';
import { Evidence } from './pass/evidence.ts';
import type { MarkedRow } from './pass/mark.ts';
import type { SweepObserver } from './pass/observer.ts';
import { PoisonRegister } from './pass/poison-register.ts';
import { type RuleOutcome, RuleSweep } from './pass/rule-sweep.ts';
import { overdue, type Rule, type RuleName, stale } from './pass/rules.ts';
import { DailyReport } from './standing-faults/daily-report.ts';
import { LockReport } from './standing-faults/lock-report.ts';
import { Notices } from './standing-faults/notices.ts';
import { SnapshotReport } from './standing-faults/snapshot-report.ts';
import { type Opening, SweeperState } from './state.ts';
import { REMAINING_COUNT_MAX, remainingStatement } from './storm/probe.ts';
import type { StormOptions } from './storm/storm-guard.ts';
import { type StormQuestion, type StormReading, StormWatch } from './storm/storm-watch.ts';
import type { SweepSummary, SweepTrigger } from './summary.ts';
import { sweeperTables } from './tables.ts';
import { inSpan } from './tracing.ts';

export interface SweeperOptions {
  /** The observed silence that is allowed. */
  readonly stuckAfterMs: number;
  /** Rows in one transaction. */
  readonly batchRowsMax: number;
  /** Rows of one rule in one sweep. */
  readonly rowsMax: number;
  readonly storm: StormOptions;
}

export interface SweepRequest {
  readonly trigger: SweepTrigger;
  /** Lets go of a storm's hold for this one sweep. */
  readonly force?: boolean;
  /** Checked between batches: what was committed stays, the rest is the next sweep's. */
  readonly signal?: AbortSignal;
}

/**
 * One pass over the ledger: what is overdue becomes failed, what is silent becomes stuck. Risk: a status is never
 * revised, so a false mark destroys good work; hence the database's clock, the observed horizon, the storm guard, and
 * a batch that judges each row under its lock.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #log: EventLog;
  readonly #observer: SweepObserver | undefined;
  readonly #state: SweeperState;
  readonly #notices: Notices;
  readonly #poisons: PoisonRegister;
  readonly #storms: StormWatch;
  readonly #locks: LockReport;
  readonly #snapshots: SnapshotReport;
  readonly #daily: DailyReport;
  readonly #rules: Readonly<Record<RuleName, RuleSweep>>;
  readonly #remaining: (nowUs: Micros, horizonUs: Micros) => Promise<Record<RuleName, number>>;
  readonly #dryRun: DryRun;

  constructor(db: LedgerDb, log: EventLog, options: SweeperOptions, observer?: SweepObserver) {
    const tables = sweeperTables(db);
    this.#options = options;
    this.#log = log;
    this.#observer = observer;
    this.#state = new SweeperState(db, tables);
    this.#notices = new Notices(db, tables);
    this.#poisons = new PoisonRegister(log, this.#notices);
    this.#storms = new StormWatch(db, tables, options.storm);
    this.#locks = new LockReport(db, tables, log, this.#notices);
    this.#snapshots = new SnapshotReport(db, log, this.#notices);
    this.#daily = new DailyReport(db, tables, log, this.#notices);
    this.#rules = { overdue: new RuleSweep(db, tables, overdue), stale: new RuleSweep(db, tables, stale) };
    const remaining = remainingStatement(tables);
    this.#remaining = async (nowUs, horizonUs) => (await remaining.run(db, [nowUs, horizonUs]))[0]!;
    this.#dryRun = new DryRun(db, tables, options, {
      state: this.#state,
      storms: this.#storms,
      poisons: this.#poisons,
    });
  }

  /** Marks, and logs each mark with its evidence. Logs `sweep.failed` and throws when the database fails. */
  async sweep(request: SweepRequest): Promise<SweepSummary> {
    const sweepId = randomUUID();
    const { trigger } = request;
    return inSpan(
      'sweep',
      { sweep_id: sweepId, trigger },
      async () => {
        try {
          return await this.#sweep(sweepId, request);
        } catch (err) {
          this.#log.emit('sweep.failed', { sweepId, trigger, err: errorFields(err), retryable: isRetryable(err) });
          throw err;
        }
      },
      ({ stuck, failed, poisoned, held, truncated }) => ({ stuck, failed, poisoned, held, truncated }),
    );
  }

  async #sweep(sweepId: string, { trigger, force = false, signal }: SweepRequest): Promise<SweepSummary> {
    const startedAtMs = performance.now();
    const opening = await this.#state.open(sweepId);
    const openedAtMs = performance.now();
    const horizon = observedHorizon(opening, this.#options.stuckAfterMs);
    const horizonMs = wholeMs(opening.nowUs - horizon.atUs);
    const evidence = new Evidence(this.#log, sweepId, this.#options.stuckAfterMs);
    const poisons = await this.#poisons.known();
    const recalled = await this.#storms.recall(opening.stormSinceUs);
    const run = (rule: Rule, rowsMax: number) =>
      this.#rules[rule.name].run({
        sweepId,
        nowUs: opening.nowUs,
        horizonUs: horizon.atUs,
        stuckAfterMs: this.#options.stuckAfterMs,
        batchRowsMax: this.#options.batchRowsMax,
        rowsMax,
        poisons,
        signal: signal ?? new AbortController().signal,
        onMarked: (rows) => {
          evidence.add(rule, rows);
          this.#observer?.marked(rule.name, latenciesMs(rule, rows, horizonMs, performance.now() - openedAtMs));
        },
      });

    const failed = await run(overdue, this.#options.rowsMax);
    await this.#poisons.report(sweepId, 'overdue', failed.poisons);
    const storm = await this.#readStorm(sweepId, opening, horizon, { poisons: poisons.all, recalled, force });
    const stuck = await run(stale, this.#storms.rowsAllowed(storm, this.#options));
    await this.#poisons.report(sweepId, 'stale', stuck.poisons);
    const outcomes = [failed, stuck];
    throwIfPoisoned(outcomes);

    const remaining = await this.#remaining(opening.nowUs, horizon.atUs);
    const summary: SweepSummary = {
      sweepId,
      stuck: stuck.marked,
      failed: failed.marked,
      poisoned: failed.poisons.length + stuck.poisons.length,
      remaining: Math.min(remaining.overdue + remaining.stale, REMAINING_COUNT_MAX),
      truncated:
        isTruncated(failed, remaining.overdue) || isTruncated(stuck, storm.action === 'hold' ? 0 : remaining.stale),
      held: storm.action === 'hold',
      batches: failed.batches + stuck.batches,
      durationMs: Math.round(performance.now() - startedAtMs),
      unobservedMs: wholeMs(horizon.unobservedUs),
      dryRun: false,
      rows: [],
    };
    await this.#locks.report(sweepId, opening.nowUs, horizon.atUs, summary);
    await this.#snapshots.report();
    await this.#daily.report();
    if (outcomes.some(({ end }) => end === 'superseded')) {
      this.#log.emit('sweep.superseded', { sweepId, bySweepId: (await this.#state.look()).leaseId ?? 'none' });
    }
    const wentThrough = outcomes.every(({ end }) => end === 'done' || end === 'budget');
    if (wentThrough) {
      // Held, or out of budget: not every suspect was tried.
      if (outcomes.every(({ end }) => end === 'done')) {
        await this.#poisons.forgetHealed(
          poisons,
          outcomes.flatMap((outcome) => outcome.poisons),
        );
      }
      await this.#notices.prune();
    }
    await this.#state.close({
      summary,
      startedAtUs: opening.nowUs,
      trigger,
      wentThrough,
      callees: evidence.stuckCallees.top(),
      marks: evidence.latest,
    });
    this.#log.emit('sweep.completed', {
      ...summaryFields(summary),
      trigger,
      oldestSilenceMs: evidence.oldestSilenceMs,
      callees: evidence.callees.top(),
    });
    return summary;
  }

  /** What a sweep would do now, changing nothing. */
  dryRun({ force = false }: Pick<SweepRequest, 'force'> = {}): Promise<SweepSummary> {
    return this.#dryRun.run(force);
  }

  async #readStorm(
    sweepId: string,
    opening: Opening,
    { atUs: horizonUs }: Horizon,
    known: Pick<StormQuestion, 'poisons' | 'recalled' | 'force'>,
  ): Promise<StormReading> {
    const { stuckAfterMs, storm: options } = this.#options;
    const storm = await this.#storms.read({ sweepId, observation: opening, horizonUs, stuckAfterMs, ...known });
    const { stale, silent, inFlight, callees, released } = storm;
    const heldForMs = wholeMs(opening.nowUs - (known.recalled.state.heldSinceUs ?? opening.nowUs));
    if (storm.action === 'hold') {
      this.#log.emit('sweep.held', {
        sweepId,
        stale,
        inFlight,
        ratio: inFlight === 0 ? 0 : Math.min(1, silent / inFlight),
        callees: [...callees],
        heldForMs,
        releasesInMs: Math.max(0, options.maxHoldMs - heldForMs),
        by: 'storm',
        reason: null,
      });
    }
    if (released) this.#log.emit('sweep.released', { sweepId, why: released, heldForMs, stale, inFlight });
    return storm;
  }
}

/** So many rows raised that the fault is not theirs: said by the sweep's failure, once both rules have had their turn. */
function throwIfPoisoned(outcomes: readonly RuleOutcome[]): void {
  const poisoned = outcomes.find(({ end }) => end === 'poisoned');
  if (poisoned) throw poisoned.poisons.at(-1)!.err;
}

/** Over budget with rows left, or ended before its rows did. */
function isTruncated({ end }: RuleOutcome, remaining: number): boolean {
  return end === 'aborted' || end === 'superseded' || (end === 'budget' && remaining > 0);
}

/** From the moment that each row came to match its rule until now, `sinceOpeningMs` into the sweep. */
function latenciesMs(rule: Rule, rows: readonly MarkedRow[], horizonMs: number, sinceOpeningMs: number): number[] {
  const allowedMs = rule.name === 'stale' ? horizonMs : 0;
  return rows.map(({ latenessMs }) => Math.max(0, latenessMs - allowedMs + sinceOpeningMs));
}

function summaryFields({ dryRun: _, rows: __, ...fields }: SweepSummary) {
  return fields;
}
