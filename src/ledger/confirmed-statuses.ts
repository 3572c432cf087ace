import { mayConcernOneRow } from '../db/sqlstate.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import type { SetStatusResult } from './set-status-result.ts';
import type { StatusRequest } from './status-change.ts';
import { isTerminal, type Status } from './transitions.ts';

/** The calls of the ledger that a repetition needs. */
export interface RepetitionCalls {
  setStatus(request: StatusRequest): Promise<SetStatusResult>;
  /** Null: no such delegation. */
  statusOf(delegationId: string): Promise<Status | null>;
  /** Null: the ledger names none. */
  epoch(): Promise<string | null>;
  /** How long a confirmed change is remembered: the daemons' threshold, in milliseconds. */
  keptMs(): number;
}

/** Delegations, and characters (of two bytes) of their payloads, remembered at most; the oldest are dropped first. */
const KEPT_MAX = 10_000;
const KEPT_CHARACTERS_MAX = 16 * 2 ** 20;
const CHECK_MIN_MS = 100;
const CHECK_MAX_MS = 3_600_000;

/** Only a logger that throws can cause a rejection here; unhandled, that would end the agent's process. */
const ignore = () => {};

function charactersOf({ errorDetail, resultPreview, responseBody }: StatusRequest): number {
  return (errorDetail?.length ?? 0) + (resultPreview?.length ?? 0) + (responseBody?.length ?? 0);
}

interface Kept {
  /** Its start, its end, or both in this order. */
  readonly requests: readonly StatusRequest[];
  readonly characters: number;
  readonly keptAtMs: number;
}

/**
 * Remembers the changes that the database confirmed: that work began, and how it ended. A server that was restored from a
 * backup, or a standby that lagged and was promoted, may have lost them. The daemons then change the database's epoch;
 * when an answer names another epoch than before, all changes confirmed within the last threshold are repeated, and
 * `ledger.changes_repeated` is logged. Those that fail are repeated later.
 */
export class ConfirmedStatuses {
  readonly #calls: RepetitionCalls;
  readonly #log: EventLog;
  /** By delegation, oldest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #due = new Set<string>();
  #characters = 0;
  #epoch: string | undefined;
  #epochAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  constructor(calls: RepetitionCalls, log: EventLog) {
    this.#calls = calls;
    this.#log = log;
  }

  remember(request: StatusRequest): void {
    const { delegationId, to } = request;
    if (!isTerminal(to) && to !== 'in_progress') return;
    const earlier = this.#forget(delegationId)?.requests.filter((other) => other.to !== to) ?? [];
    const requests = [...earlier, request];
    const characters = requests.reduce((sum, one) => sum + charactersOf(one), 0);
    this.#kept.set(delegationId, { requests, characters, keptAtMs: performance.now() });
    this.#characters += characters;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX && this.#characters <= KEPT_CHARACTERS_MAX) break;
      this.#forget(oldest);
    }
    this.#arm();
  }

  /** An answer of the ledger named this epoch. */
  onEpoch(epoch: string): void {
    this.#epochAtMs = performance.now();
    const before = this.#epoch;
    this.#epoch = epoch;
    if (before === undefined || before === epoch) return;
    this.#expire();
    for (const id of this.#kept.keys()) this.#due.add(id);
    if (this.#due.size > 0) this.#repeat().catch(ignore);
  }

  /** While something is remembered and no other answer names the epoch, it is read every tenth of the threshold. */
  #arm(): void {
    if (this.#timer || this.#kept.size === 0) return;
    const intervalMs = Math.min(CHECK_MAX_MS, Math.max(CHECK_MIN_MS, this.#calls.keptMs() / 10));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#expire();
      this.#arm();
      if (this.#due.size > 0) this.#repeat().catch(ignore);
      else if (this.#kept.size > 0 && performance.now() - this.#epochAtMs > intervalMs / 2)
        this.#askEpoch().catch(ignore);
    }, intervalMs);
    this.#timer.unref();
  }

  #expire(): void {
    const sinceMs = performance.now() - this.#calls.keptMs();
    for (const [id, { keptAtMs }] of this.#kept) {
      if (keptAtMs >= sinceMs) return;
      this.#forget(id);
    }
  }

  #forget(delegationId: string): Kept | undefined {
    const kept = this.#kept.get(delegationId);
    this.#characters -= kept?.characters ?? 0;
    this.#kept.delete(delegationId);
    this.#due.delete(delegationId);
    return kept;
  }

  async #askEpoch(): Promise<void> {
    // A failure is ignored: the epoch is read again after the next interval.
    const epoch = await this.#exclusively(() => this.#calls.epoch().catch(() => null));
    if (epoch) this.onEpoch(epoch);
  }

  async #repeat(): Promise<void> {
    await this.#exclusively(async () => {
      let [repeated, changed] = [0, 0];
      let error: unknown;
      for (const id of [...this.#due]) {
        try {
          const outcomes = await this.#repeatOne(this.#kept.get(id)?.requests ?? []);
          this.#due.delete(id);
          repeated += 1;
          if (outcomes.includes('changed')) changed += 1;
        } catch (err) {
          error = err;
          // One row that raises must not stop the others; when the database is away, the others would fail, too.
          if (!mayConcernOneRow(err)) break;
        }
      }
      this.#log.emit('ledger.changes_repeated', {
        repeated,
        changed,
        remaining: this.#due.size,
        err: error === undefined ? null : errorFields(error),
      });
    });
  }

  /** A start is left out where the delegation has started or ended already: it would be refused, or change nothing. */
  async #repeatOne(requests: readonly StatusRequest[]): Promise<string[]> {
    const outcomes: string[] = [];
    for (const request of requests) {
      if (!isTerminal(request.to)) {
        const status = await this.#calls.statusOf(request.delegationId);
        if (status !== null && status !== 'queued' && status !== 'dispatched') continue;
      }
      outcomes.push((await this.#calls.setStatus(request)).outcome);
    }
    return outcomes;
  }

  /** One at a time, so that at most one connection hangs. Undefined when another one is under way. */
  async #exclusively<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#busy) return undefined;
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}
