import type { EventLog } from '../../log/event-log.ts';
import { add } from '../advice/buckets.ts';
import { Counts } from '../advice/callee-counts.ts';
import { isoOfMs } from '../instant.ts';
import type { Rule, RuleName } from './rules.ts';
import type { MarkedRow } from './statements/marking.ts';
import { Tally } from './tally.ts';

/** Marks of a sweep that are kept with it, for the status page. */
const MARKS_KEPT_MAX = 10;

/** A mark with its evidence, as stored. It holds no more than its event. */
export interface MarkRecord {
  readonly delegationId: string;
  readonly callerId: string;
  readonly calleeId: string;
  readonly rule: RuleName;
  readonly fromStatus: string;
  /** How long it was silent, without progress, or overdue. */
  readonly latenessMs: number;
  /** The silence, or time without progress, that was allowed to it; of an overdue row, STUCK_AFTER at that time. */
  readonly stuckAfterMs: number;
  /** What came of asking its agent; null when it was not asked. */
  readonly probe: string | null;
}

/** Why each row was marked: one event per row, and their totals. */
export class Evidence {
  readonly #log: EventLog;
  readonly #sweepId: string;
  readonly #stuckAfterMs: number;
  #latest: readonly MarkRecord[] = [];
  /** Callees of the marked rows: of all, and of those that went silent. */
  readonly callees = new Tally();
  readonly stuckCallees = new Tally();
  /** How long those were silent that were marked for it. */
  readonly detected = new Counts();
  /** The longest silence among the marked; null when none was. */
  oldestSilenceMs: number | null = null;

  constructor(log: EventLog, sweepId: string, stuckAfterMs: number) {
    this.#log = log;
    this.#sweepId = sweepId;
    this.#stuckAfterMs = stuckAfterMs;
  }

  add(rule: Rule, rows: readonly MarkedRow[]): void {
    for (const row of rows) {
      this.callees.add(row.calleeId);
      if (rule.name === 'overdue') this.#overdue(rule, row);
      else this.#silent(rule, row);
    }
    this.#latest = [
      ...this.#latest,
      ...rows.slice(-MARKS_KEPT_MAX).map((row) => markRecord(rule, row, this.#stuckAfterMs)),
    ].slice(-MARKS_KEPT_MAX);
  }

  /** The last marks, oldest first. */
  get latest(): readonly MarkRecord[] {
    return this.#latest;
  }

  #silent({ name, to }: Rule, row: MarkedRow): void {
    this.stuckCallees.add(row.calleeId);
    const fields = {
      ...this.#identity(row),
      fromStatus: row.fromStatus,
      toStatus: to,
      lastHeartbeat: isoOfMs(row.lastHeartbeatMs!),
      silentMs: row.latenessMs,
      stuckAfterMs: row.thresholdMs ?? this.#stuckAfterMs,
      deadline: isoOfMs(row.deadlineMs),
      probe: row.probe?.outcome ?? null,
      probeReason: row.probe?.reason ?? null,
      retriedAs: row.retriedAs,
    };
    if (name === 'stale') {
      this.oldestSilenceMs = Math.max(this.oldestSilenceMs ?? 0, row.latenessMs);
      add(this.detected.of(row.calleeId).detected, row.latenessMs);
      this.#log.emit('delegation.stuck', fields);
      return;
    }
    this.#log.emit('delegation.stalled', {
      ...fields,
      progressAt: row.progressAtMs === null ? null : isoOfMs(row.progressAtMs),
      progress: row.progress,
      stalledAfterMs: row.stalledAfterMs!,
    });
  }

  #overdue({ to }: Rule, row: MarkedRow): void {
    this.#log.emit('delegation.deadline_exceeded', {
      ...this.#identity(row),
      fromStatus: row.fromStatus,
      toStatus: to,
      deadline: isoOfMs(row.deadlineMs),
      overdueMs: row.latenessMs,
      lastHeartbeat: row.lastHeartbeatMs === null ? null : isoOfMs(row.lastHeartbeatMs),
    });
  }

  #identity({ delegationId, callerId, calleeId }: MarkedRow) {
    return { sweepId: this.#sweepId, delegationId, callerId, calleeId };
  }
}

function markRecord({ name: rule }: Rule, row: MarkedRow, inForceMs: number): MarkRecord {
  const { delegationId, callerId, calleeId, fromStatus, latenessMs } = row;
  const stuckAfterMs = (rule === 'stalled' ? row.stalledAfterMs : row.thresholdMs) ?? inForceMs;
  const probe = row.probe?.outcome ?? null;
  return { delegationId, callerId, calleeId, rule, fromStatus, latenessMs, stuckAfterMs, probe };
}
