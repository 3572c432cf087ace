import type { LedgerDb } from '../db/schema.ts';
import type { EventLog } from '../log/event-log.ts';
import { Marker } from './pass/marker.ts';
import type { SweepObserver } from './pass/observer.ts';
import { combined, cutShort, failedOutcome, type RuleOutcome } from './pass/progress.ts';
import type { RulePass } from './pass/rule-pass.ts';
import { RuleSweep } from './pass/rule-sweep.ts';
import { infersSilence, type Rule, type RuleName, rules } from './pass/rules.ts';
import type { Unsettled } from './pass/unsettled.ts';
import { nothingAsked } from './probe/asked-rule.ts';
import type { Probing, SweepProbes } from './probe/probing.ts';
import { logUnpublished, type Unpublished } from './publishing/refused.ts';
import { StalledGuard } from './storm/stalled-guard.ts';
import { logStorm } from './storm/storm-log.ts';
import type { StormReading } from './storm/storm-reading.ts';
import type { StormWatch } from './storm/storm-watch.ts';
import type { Judged, Run } from './sweep-run.ts';
import { STATEMENT_LIMIT_MS, type SweeperOptions } from './sweeper-options.ts';
import type { SweeperTables } from './tables.ts';
import type { Staleness } from './threshold/staleness.ts';

interface Parts {
  readonly unsettled: Unsettled;
  readonly storms: StormWatch;
  /** Null: no agent is asked. */
  readonly probing: Probing | null;
  readonly observer: SweepObserver | undefined;
}

/** One rule's turn in a sweep. */
interface Turn {
  readonly name: RuleName;
  readonly staleness: Staleness;
  readonly rowsMax: number;
}

/** A rule whose rows are marked, but for those whose agents are still being asked. */
interface Begun {
  readonly end: () => Promise<RuleOutcome>;
}

/**
 * Applies the rules of a sweep, one after the other: overdue, stale, stalled. None depends on another: when one fails, the
 * error is its outcome, and the others still run. While agents are asked for the suspects that are A2A tasks, the other
 * rows are marked. Emits an event for each mark, sweep.held and sweep.released.
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
    this.#sweeps = rules.map((rule) => {
      const sparesTasks = parts.probing !== null && infersSilence(rule);
      const { retriesMax = 0 } = options;
      return {
        rule,
        sweep: new RuleSweep(new Marker(db, tables, rule, parts.unsettled, { sparesTasks, retriesMax })),
      };
    });
  }

  async judge(run: Run): Promise<Judged> {
    const { storms } = this.#parts;
    const probes = this.#parts.probing?.open(run) ?? null;
    // Before the overdue rule, so that rows which it ends are not taken for rows that were heard again.
    const recalling = storms.recall(run.opening.stormSinceUs, run.judgement.staleness);
    await recalling.catch(() => {}); // awaited again, and reported, by the stale rule
    // Before any mark: a dry run, which marks nothing, has to see the same fleet. What is marked first is part of it.
    const guarding = this.#stalledGuard.staleness(run.judgement, run.request.force ?? false);
    await guarding.catch(() => {}); // the same, by the rule stalled
    const { staleness } = run.judgement;
    const overdue = await this.#begin(run, { name: 'overdue', staleness, rowsMax: this.#options.rowsMax }, null);
    const { storm, stale } = await this.#stale(run, recalling, probes);
    const stalled = await this.#stalled(run, storm, guarding, probes);
    const outcomes = { overdue: await overdue.end(), stale: await stale.end(), stalled: await stalled.end() };
    probes?.close();
    return { outcomes, storm };
  }

  async #stale(run: Run, recalling: ReturnType<StormWatch['recall']>, probes: SweepProbes | null) {
    const { sweepId, judgement, request } = run;
    const { storms } = this.#parts;
    try {
      const { isHeld } = run;
      const onUnpublished = (unpublished: Unpublished) => logUnpublished(this.#log, sweepId, unpublished);
      const force = request.force ?? false;
      const question = { sweepId, judgement, recalled: await recalling, force, isHeld, onUnpublished };
      const storm = await storms.read(question);
      logStorm(this.#log, question, storm, this.#options.storm.maxHoldMs);
      const rowsMax = isHeld ? 0 : storms.rowsAllowed(storm, this.#options);
      const turn: Turn = { name: 'stale', staleness: judgement.staleness, rowsMax };
      return { storm, stale: await this.#begin(run, turn, probes) };
    } catch (err) {
      return { storm: null, stale: failed(err) };
    }
  }

  /** Held with the stale rule: what agents reported during an outage may be lost. */
  async #stalled(
    run: Run,
    storm: StormReading | null,
    guarding: Promise<Staleness>,
    probes: SweepProbes | null,
  ): Promise<Begun> {
    try {
      const staleness = await guarding;
      const rowsMax = storm?.action === 'hold' || run.isHeld ? 0 : this.#options.rowsMax;
      return await this.#begin(run, { name: 'stalled', staleness, rowsMax }, probes);
    } catch (err) {
      return failed(err);
    }
  }

  /** All passes of a rule, which share its budget. */
  async #begin(run: Run, { name, staleness, rowsMax }: Turn, probes: SweepProbes | null): Promise<Begun> {
    const sweeps = this.#sweeps.filter(({ rule }) => rule.name === name);
    const scans = sweeps.map(({ rule }) => rule);
    const asked = (await probes?.begin(scans, staleness, rowsMax)) ?? nothingAsked;
    const outcomes: RuleOutcome[] = asked.isCutShort ? [cutShort] : [];
    let left = rowsMax - asked.reserved;
    for (const { rule, sweep } of sweeps) {
      const outcome = await sweep.run(this.#passOf(run, rule, staleness, left));
      outcomes.push(outcome);
      left -= outcome.marked;
    }
    const end = async () => {
      await asked.answered;
      for (const { rule, sweep } of sweeps) {
        const given = asked.givenUp(rule);
        const pass = this.#passOf(run, rule, staleness, given.size);
        const onMarked: RulePass['onMarked'] = (rows) => {
          probes?.marked(rows.map(({ delegationId }) => delegationId));
          pass.onMarked(rows);
        };
        if (pass.rowsMax > 0) outcomes.push(await sweep.markAsked({ ...pass, onMarked }, given));
      }
      return combined(outcomes);
    };
    return { end };
  }

  #passOf(run: Run, rule: Rule, staleness: Staleness, rowsMax: number): RulePass {
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
      force: request.force ?? false,
      signal,
      onMarked: (rows) => {
        evidence.add(rule, rows);
        const sinceOpeningMs = performance.now() - openedAtMs;
        this.#parts.observer?.marked(
          rule.name,
          rows.map(({ dueForMs }) => Math.max(0, dueForMs) + sinceOpeningMs),
        );
      },
      onUnpublished: (unpublished) => logUnpublished(this.#log, sweepId, unpublished),
    };
  }
}

function failed(err: unknown): Begun {
  return { end: async () => failedOutcome(err) };
}
