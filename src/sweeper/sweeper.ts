import { randomUUID } from 'node:crypto';
import { limited } from '../db/limited.ts';
import type { LedgerDb } from '../db/schema.ts';
import { isRetryable } from '../db/sqlstate.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { MarkCounts } from './advice/mark-counts.ts';
import { DryRun } from './dry-run.ts';
import { HoldWatch } from './hold/hold-watch.ts';
import { wholeMs } from './instant.ts';
import { Judging } from './judging.ts';
import { Lease } from './lease.ts';
import { Notices } from './notices.ts';
import type { Beat } from './observed-time/beat.ts';
import { LostStamps } from './observed-time/lost-stamps.ts';
import { ObservedTime } from './observed-time/observed-time.ts';
import type { Refusal } from './observed-time/refusal.ts';
import type { Opening } from './opening.ts';
import { Evidence } from './pass/evidence.ts';
import type { SweepObserver } from './pass/observer.ts';
import { PoisonRegister } from './pass/poison-register.ts';
import type { RuleOutcome } from './pass/progress.ts';
import { type RuleName, ruleNames } from './pass/rules.ts';
import { REMAINING_COUNT_MAX, remainingStatement } from './pass/statements/remaining.ts';
import { Unsettled } from './pass/unsettled.ts';
import { Probing } from './probe/probing.ts';
import { StormWatch } from './storm/storm-watch.ts';
import { nothingDone, type SweepSummary, summaryFields } from './summary.ts';
import { SweepRecords } from './sweep-record.ts';
import { SweepReports } from './sweep-reports.ts';
import type { DueSweepRequest, SweepRequest } from './sweep-request.ts';
import type { Judged, Run } from './sweep-run.ts';
import { STATEMENT_LIMIT_MS, type SweeperOptions } from './sweeper-options.ts';
import { sweeperTables } from './tables.ts';
import { Agreement } from './threshold/agreement.ts';
import { judge } from './threshold/staleness.ts';
import { inSpan } from './tracing.ts';

/**
 * One pass over the ledger: what is overdue becomes failed, what is stale becomes stuck. Risk: a status is never
 * revised, so a false mark loses good work; hence the database's clock, the observed horizon, the storm guard, and
 * a batch that judges each row under its lock.
 *
 * Open, judge and mark, close, report. The rules do not depend on one another: when one fails the others still run,
 * what was marked stays, and then the sweep fails. Reports come last; one that fails does not fail the sweep.
 */
export class Sweeper {
  readonly #db: LedgerDb;
  readonly #options: SweeperOptions;
  readonly #log: EventLog;
  readonly #lease: Lease;
  readonly #observed: ObservedTime;
  readonly #records: SweepRecords;
  readonly #markCounts: MarkCounts;
  readonly #poisons: PoisonRegister;
  readonly #unsettled: Unsettled;
  readonly #lostStamps: LostStamps;
  readonly #agreement: Agreement;
  readonly #storms: StormWatch;
  readonly #holds: HoldWatch;
  readonly #reports: SweepReports;
  readonly #probing: Probing | null;
  readonly #judging: Judging;
  readonly #remaining: ReturnType<typeof remainingStatement>;
  readonly #dryRun: DryRun;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(db: LedgerDb, log: EventLog, options: SweeperOptions, observer?: SweepObserver, beat?: Beat) {
    const tables = sweeperTables(db);
    this.#db = db;
    this.#options = options;
    this.#log = log;
    this.#lease = new Lease(db, tables);
    this.#observed = new ObservedTime(db, tables, beat);
    this.#records = new SweepRecords(db, tables);
    this.#markCounts = new MarkCounts(db, tables);
    const notices = new Notices(db, tables);
    this.#poisons = new PoisonRegister(db, tables, log, notices);
    this.#unsettled = new Unsettled(db, tables);
    this.#lostStamps = new LostStamps(db, tables, log);
    this.#agreement = new Agreement(db, tables);
    this.#storms = new StormWatch(db, tables, options.storm);
    this.#holds = new HoldWatch(db, tables, log);
    this.#reports = new SweepReports(db, tables, log, { notices, poisons: this.#poisons, lease: this.#lease });
    this.#probing = options.probe === undefined ? null : new Probing(db, tables, log, options.probe);
    const parts = { unsettled: this.#unsettled, storms: this.#storms, probing: this.#probing, observer };
    this.#judging = new Judging(db, tables, log, options, parts);
    this.#remaining = remainingStatement(tables);
    this.#dryRun = new DryRun(db, tables, options, {
      lease: this.#lease,
      observed: this.#observed,
      storms: this.#storms,
      poisons: this.#poisons,
      reports: this.#reports,
      probing: this.#probing,
    });
  }

  /** Marks, and logs each mark with its evidence. Logs `sweep.failed` and throws when the database fails. */
  sweep(request: SweepRequest): Promise<SweepSummary> {
    return this.#inTurn(() => this.#logged(randomUUID(), request));
  }

  /**
   * The same for what came due between the ticks, unless another sweep has begun since `after`: then it returns false.
   * Rows that earlier sweeps left, and standing faults, are left to the sweeps on ticks.
   */
  sweepDue({ sweepId, after, judgedAtUs, signal }: DueSweepRequest): Promise<boolean> {
    return this.#inTurn(async () => {
      const opening = await this.#lease.openAfter(sweepId, after);
      if (opening === null) return false;
      await this.#logged(sweepId, { trigger: 'due', signal, judgedAtUs }, opening);
      return true;
    });
  }

  /** One after the other, so that no sweep of this process takes the lease from another one. */
  #inTurn<Result>(sweep: () => Promise<Result>): Promise<Result> {
    const swept = this.#turn.then(sweep);
    this.#turn = swept.catch(() => {});
    return swept;
  }

  #logged(sweepId: string, request: SweepRequest, opening?: Opening): Promise<SweepSummary> {
    const { trigger } = request;
    const startedAtMs = performance.now();
    return inSpan(
      'sweep',
      { sweep_id: sweepId, trigger },
      async () => {
        try {
          return await this.#sweep(sweepId, request, opening);
        } catch (err) {
          const durationMs = Math.round(performance.now() - startedAtMs);
          const about = { err: errorFields(err), durationMs, retryable: isRetryable(err) };
          this.#log.emit('sweep.failed', { sweepId, trigger, ...about });
          throw err;
        }
      },
      ({ stuck, failed, poisoned, held, truncated }) => ({ stuck, failed, poisoned, held, truncated }),
    );
  }

  /** The last sweep left suspects whose agents it was not allowed to ask: A2A_PROBE_MAX. */
  get hasLeft(): boolean {
    return this.#probing?.hasLeft ?? false;
  }

  /** How long a sweep may wait for agents that it asks. */
  get askingMs(): number {
    return this.#options.probe?.timeoutMs ?? 0;
  }

  /** What a sweep would do now, changing nothing. */
  dryRun({ force = false }: Pick<SweepRequest, 'force'> = {}): Promise<SweepSummary> {
    return this.#dryRun.run(force);
  }

  async #sweep(sweepId: string, request: SweepRequest, opening?: Opening): Promise<SweepSummary> {
    const run = await this.#open(sweepId, request, opening);
    if (run.refusal !== null) return this.#refuse(run, run.refusal);
    const judged = await this.#judging.judge(run);
    const { summary, errors } = await this.#close(run, judged);
    await this.#reports.poisoned(sweepId, judged.outcomes);
    await this.#reports.apart(sweepId, 'advice', () => this.#markCounts.store(run.evidence.detected));
    if (errors.length > 0) throw oneOf(errors);
    if (request.trigger === 'due') {
      await this.#reports.apart(sweepId, 'folding', () => this.#records.foldDue(run.judgement.nowUs));
      return summary;
    }
    await this.#reports.after({ ...run, ...run.judgement }, Object.values(judged.outcomes), summary);
    return summary;
  }

  /** The lease, unless the sweep was cancelled before; the clock; what earlier sweeps left. */
  async #open(sweepId: string, request: SweepRequest, given?: Opening): Promise<Run> {
    const startedAtMs = performance.now();
    const signal = request.signal ?? new AbortController().signal;
    await this.#reports.apart(sweepId, 'unsettled', () => this.#unsettled.settle());
    const opening = given ?? (signal.aborted ? await this.#lease.look() : await this.#lease.open(sweepId));
    const reading = await this.#observed.read();
    const openedAtMs = performance.now();
    await this.#tellHolds(sweepId, opening, request);
    const isDue = request.trigger === 'due';
    const suspects = isDue ? [] : await this.#reports.apart(sweepId, 'suspects', () => this.#poisons.suspects());
    if (reading.refusal === null && !signal.aborted && !isDue) {
      await this.#reports.apart(sweepId, 'lost_stamps', () => this.#lostStamps.takeBack(sweepId, reading));
      // Where no daemon runs any more, nobody else does.
      if (reading.hasUndated) await this.#reports.apart(sweepId, 'lowering', () => this.#agreement.date());
    }
    const judgement = judge(reading, this.#options);
    const evidence = new Evidence(this.#log, sweepId, judgement.stuckAfterMs);
    const { refusal } = reading;
    const isHeld = opening.isHeld && !request.force;
    const begun = { sweepId, request, signal, opening, isHeld, refusal, judgement, evidence, startedAtMs, openedAtMs };
    return { ...begun, suspects: suspects ?? [] };
  }

  /** Logs the ends of holds, and that a forced sweep ignores one. */
  async #tellHolds(
    sweepId: string,
    { nowUs, isHeld, hasUnloggedEnd }: Opening,
    { force }: SweepRequest,
  ): Promise<void> {
    if (hasUnloggedEnd) await this.#reports.apart(sweepId, 'holds', () => this.#holds.logEnds(sweepId, nowUs));
    if (isHeld && force) await this.#reports.apart(sweepId, 'holds', () => this.#holds.logForced(sweepId, nowUs));
  }

  /** Nothing is marked, and the sweep does not count as completed: where rows or heartbeats are hidden, silence proves nothing. */
  #refuse({ sweepId, request, startedAtMs }: Run, { reason, remedy }: Refusal): SweepSummary {
    this.#log.emit('sweep.refused', { sweepId, trigger: request.trigger, reason, remedy });
    return { ...nothingDone, sweepId, truncated: true, durationMs: Math.round(performance.now() - startedAtMs) };
  }

  /** Records the sweep, also a failed one, and logs it when it did not fail. Returns the error to fail with. */
  async #close(run: Run, { outcomes, storm }: Judged): Promise<{ summary: SweepSummary; errors: unknown[] }> {
    const { sweepId, judgement, evidence, startedAtMs } = run;
    const { nowUs, horizon } = judgement;
    const { trigger } = run.request;
    const all = Object.values(outcomes);
    const errors: unknown[] = all.map(({ err }) => err).filter((err) => err !== null);
    const counted = await this.#countRemaining(run, all).catch((err: unknown) => {
      errors.push(err);
      return null;
    });
    const isHeldByOperator = run.isHeld || all.some(({ end }) => end === 'held');
    if (isHeldByOperator) {
      const stale = counted && counted.stale + counted.stalled;
      await this.#reports.apart(sweepId, 'holds', () => this.#holds.logHeld(sweepId, nowUs, stale));
    }
    const remaining = counted ?? nothingRemains;
    const held = storm?.action === 'hold' || isHeldByOperator;
    const isCutShort = (name: RuleName) =>
      isTruncated(outcomes[name], held && name !== 'overdue' ? 0 : remaining[name]);
    const sum = (count: (outcome: RuleOutcome) => number) => all.reduce((total, each) => total + count(each), 0);
    const summary: SweepSummary = {
      sweepId,
      stuck: outcomes.stale.marked + outcomes.stalled.marked,
      failed: outcomes.overdue.marked,
      retried: sum(({ retried }) => retried),
      poisoned: sum(({ poisons }) => poisons.length),
      remaining: Math.min(remaining.overdue + remaining.stale + remaining.stalled, REMAINING_COUNT_MAX),
      truncated: ruleNames.some(isCutShort),
      held,
      heldBy: isHeldByOperator ? 'operator' : held ? 'storm' : null,
      batches: sum(({ batches }) => batches),
      durationMs: Math.round(performance.now() - startedAtMs),
      unobservedMs: wholeMs(horizon.unobservedUs),
      dryRun: false,
      rows: [],
    };
    // A sweep between the ticks leaves some work to the next tick, so it does not count as completed.
    const wentThrough =
      trigger !== 'due' && errors.length === 0 && all.every(({ end }) => ['done', 'budget', 'held'].includes(end));
    // One that is cut short between the ticks has not judged what came due: it is dated as the one before it, so that another daemon
    // finds the rest due.
    const isCut = trigger === 'due' && all.some(({ end }) => end === 'aborted');
    const judgedAtUs = isCut ? (run.request.judgedAtUs ?? nowUs) : nowUs;
    const callees = evidence.stuckCallees.top();
    const stalled = outcomes.stalled.marked;
    const record = { summary, stalled, startedAtUs: judgedAtUs, trigger, wentThrough, callees, marks: evidence.latest };
    await this.#records.close(record).catch((err: unknown) => errors.push(err));
    if (errors.length === 0) {
      this.#log.emit('sweep.completed', {
        ...summaryFields(summary),
        trigger,
        oldestSilenceMs: evidence.oldestSilenceMs,
        callees: evidence.callees.top(),
      });
    }
    return { summary, errors };
  }

  /** Not counted where a sweep between the ticks, which leaves out what is poisoned, marked all that it found. */
  async #countRemaining(
    { request, judgement }: Run,
    outcomes: readonly RuleOutcome[],
  ): Promise<Readonly<Record<RuleName, number>>> {
    const isAllMarked = outcomes.every(({ end, found, marked }) => end === 'done' && found === marked);
    if (request.trigger === 'due' && isAllMarked && !(await this.#poisons.anyKnown())) return nothingRemains;
    const { nowUs, staleness } = judgement;
    const limitMs = this.#options.statementLimitMs ?? STATEMENT_LIMIT_MS;
    const rows = await limited(this.#db, limitMs, (session) => this.#remaining.run(session, { now: nowUs, staleness }));
    return rows[0]!;
  }
}

const nothingRemains: Readonly<Record<RuleName, number>> = { overdue: 0, stale: 0, stalled: 0 };

/** Over budget with rows left, or ended early. What is held does not count. */
function isTruncated({ end }: RuleOutcome, remaining: number): boolean {
  return end === 'budget' ? remaining > 0 : end !== 'done' && end !== 'held';
}

/** The error of a sweep; of several errors with the same code, the first. */
function oneOf(errors: readonly unknown[]): unknown {
  const codes = new Set(errors.map((err) => errorFields(err).code));
  return codes.size === 1 ? errors[0] : new AggregateError(errors);
}
