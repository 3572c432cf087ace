import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LedgerDb } from '../../db/schema.ts';
import { isRetryable } from '../../db/sqlstate.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Healing } from './healing.ts';
import { healedOf, nothingReconciled, type ReconcileSummary, withStep } from './reconcile-summary.ts';
import { Reconciler, type ReconcilerOptions, type ReconcilerStep } from './reconciler.ts';

export interface ReconciliationRequest {
  readonly trigger: 'cron' | 'manual';
  /** Changes nothing, and logs nothing but its progress. */
  readonly dryRun?: boolean;
  /** Ends the run between two steps. */
  readonly signal: AbortSignal;
  /** Rests after each step as long as the step took, so that nobody notices a run that nobody waits for. */
  readonly restful?: boolean;
  readonly onHealings?: (healings: readonly Healing[]) => Promise<void>;
}

const PROGRESS_EVERY_MS = 5_000;

/**
 * One run of the reconciler, with its log. Emits delegation.healed, delegation.not_healed, reconcile.progress,
 * reconcile.completed, reconcile.failed.
 */
export class Reconciliation {
  readonly #reconciler: Reconciler;
  readonly #log: EventLog;

  constructor(db: LedgerDb, log: EventLog, options: ReconcilerOptions = {}) {
    this.#reconciler = new Reconciler(db, options);
    this.#log = log;
  }

  /** @throws the database's error, once what was done before it was logged. */
  async run(request: ReconciliationRequest): Promise<ReconcileSummary> {
    const { trigger, dryRun = false } = request;
    const runId = randomUUID();
    const startedAtMs = performance.now();
    const sinceStartMs = () => Math.round(performance.now() - startedAtMs);
    try {
      const summary = await this.#run(runId, request);
      if (!dryRun) this.#log.emit('reconcile.completed', { runId, trigger, ...summary, durationMs: sinceStartMs() });
      return summary;
    } catch (err) {
      const failure = { err: errorFields(err), durationMs: sinceStartMs(), retryable: isRetryable(err) };
      this.#log.emit('reconcile.failed', { runId, trigger, ...failure });
      throw err;
    }
  }

  async #run(runId: string, request: ReconciliationRequest): Promise<ReconcileSummary> {
    const { dryRun = false, signal, restful = false, onHealings } = request;
    const steps = this.#reconciler.steps({ dryRun });
    let summary = nothingReconciled;
    let toldAtMs = performance.now();
    for (;;) {
      if (signal.aborted) return { ...summary, interrupted: true };
      const stepAtMs = performance.now();
      const step = await steps.next();
      if (step.done) return summary;
      summary = withStep(summary, step.value);
      if (!dryRun) this.#tell(runId, step.value);
      if (step.value.healings.length > 0) await onHealings?.(step.value.healings);
      if (performance.now() - toldAtMs >= PROGRESS_EVERY_MS) {
        toldAtMs = performance.now();
        const { delegations, activities } = summary;
        this.#log.emit('reconcile.progress', { runId, delegations, activities, healed: healedOf(summary) });
      }
      // The signal ends the rest early.
      if (restful) await sleep(performance.now() - stepAtMs, undefined, { signal }).catch(() => {});
    }
  }

  #tell(runId: string, { healings }: ReconcilerStep): void {
    for (const { delegationId, kind, outcome, from, to, err } of healings) {
      if (outcome === 'healed' || outcome === 'recorded') {
        const transition = { fromStatus: from, toStatus: to };
        this.#log.emit('delegation.healed', { runId, delegationId, kind: kind!, outcome, ...transition });
      } else this.#log.emit('delegation.not_healed', { runId, delegationId, kind, why: outcome, err });
    }
  }
}
