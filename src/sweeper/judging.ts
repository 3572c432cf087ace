import type { LedgerDb } from '../db/schema.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Evidence } from './pass/evidence.ts';
import { Marker } from './pass/marker.ts';
import type { SweepObserver } from './pass/observer.ts';
import { combined, failedOutcome, type RuleOutcome } from './pass/progress.ts';
import { RuleSweep } from './pass/rule-sweep.ts';
import { type Rule, type RuleName, rules } from './pass/rules.ts';
import type { Unsettled } from './pass/unsettled.ts';
import { StalledGuard } from './storm/stalled-guard.ts';
import { logStorm } from './storm/storm-log.ts';
import type { StormReading, StormWatch } from './storm/storm-watch.ts';
import type { Judged, Run } from './sweep-run.ts';
import { STATEMENT_LIMIT_MS, type SweeperOptions } from './sweeper-options.ts';
import type { SweeperTables } from './tables.ts';
import type { Staleness } from './threshold/staleness.ts';

interface Parts {
  readonly unsettled: Unsettled;
  readonly storms: StormWatch;
  readonly observer: SweepObserver | undefined;
}

/**
 * Applies the rules of a sweep, one after the other: overdue, stale, stalled. None depends on another: when one fails, the
 * error is its outcome, and the others still run. Emits an event for each mark, sweep.held and sweep.released.
 */
export class Judging {
  readonly #log: EventLog;
  readonly #options: SweeperOptions;
  readonly #parts: Parts;
  readonly #stalledGuard: StalledGuard;
  readonly #sweeps: readonly { readonly rule: Rule; readonly sweep: RuleSweep }[];

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, options: SweeperOptions, parts: Parts) {
    this.#log = log;
    this.#options = options;
    this.#parts = parts;
    this.#stalledGuard = new StalledGuard(db, tables, options.storm);
    this.#sweeps = rules.map((rule) => ({ rule, sweep: new RuleSweep(new Marker(db, tables, rule, parts.unsettled)) }));
  }

  async judge(run: Run): Promise<Judged> {
    const { storms } = this.#parts;
    // Before the overdue rule, so that rows which it ends are not taken for rows that were heard again.
    const recalling = storms.recall(run.opening.stormSinceUs, run.judgement.staleness);
    await recalling.catch(() => {}); // awaited again, and reported, by the stale rule
    const { staleness } = run.judgement;
    const overdue = await this.#mark(run, 'overdue', staleness, this.#options.rowsMax);
    const { storm, stale } = await this.#stale(run, recalling);
    const stalled = await this.#stalled(run, storm);
    return { outcomes: { overdue, stale, stalled }, storm };
  }

  async #stale(run: Run, recalling: ReturnType<StormWatch['recall']>) {
    const { sweepId, judgement, request } = run;
    const { storms } = this.#parts;
    try {
      const question = { sweepId, judgement, recalled: await recalling, force: request.force ?? false };
      const storm = await storms.read(question);
      logStorm(this.#log, question, storm, this.#options.storm.maxHoldMs);
      const rowsMax = storms.rowsAllowed(storm, this.#options);
      return { storm, stale: await this.#mark(run, 'stale', judgement.staleness, rowsMax) };
    } catch (err) {
      return { storm: null, stale: failedOutcome(err) };
    }
  }

  /** Held with the stale rule: what agents reported during an outage may be lost. */
  async #stalled(run: Run, storm: StormReading | null): Promise<RuleOutcome> {
    try {
      const staleness = await this.#stalledGuard.staleness(run.judgement, run.request.force ?? false);
      return await this.#mark(run, 'stalled', staleness, storm?.action === 'hold' ? 0 : this.#options.rowsMax);
    } catch (err) {
      return failedOutcome(err);
    }
  }

  /** All passes of a rule, which share its budget. */
  async #mark(run: Run, name: RuleName, staleness: Staleness, rowsMax: number): Promise<RuleOutcome> {
    const outcomes: RuleOutcome[] = [];
    let left = rowsMax;
    for (const { rule, sweep } of this.#sweeps.filter((each) => each.rule.name === name)) {
      const outcome = await sweep.run(this.#passOf(run, rule, staleness, left));
      outcomes.push(outcome);
      left -= outcome.marked;
    }
    return combined(outcomes);
  }

  #passOf(run: Run, rule: Rule, staleness: Staleness, rowsMax: number) {
    const { sweepId, request, judgement, suspects, signal, evidence, openedAtMs } = run;
    const { batchRowsMax, statementLimitMs: limitMs = STATEMENT_LIMIT_MS } = this.#options;
    return {
      sweepId,
      nowUs: judgement.nowUs,
      staleness,
      batchRowsMax,
      rowsMax,
      limitMs,
      suspects,
      // A sweep between the ticks does not try them again, and does not read whether there are any.
      someKnown: suspects.length > 0 || request.trigger === 'due',
      signal,
      onMarked: (rows: Parameters<Evidence['add']>[1]) => {
        evidence.add(rule, rows);
        const sinceOpeningMs = performance.now() - openedAtMs;
        this.#parts.observer?.marked(
          rule.name,
          rows.map(({ dueForMs }) => Math.max(0, dueForMs) + sinceOpeningMs),
        );
      },
    };
  }
}
