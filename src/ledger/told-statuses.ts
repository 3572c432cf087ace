import { mayConcernOneRow } from '../db/sqlstate.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import type { SetStatusResult } from './set-status-result.ts';
import type { Saying } from './status-change.ts';
import { isTerminal, type Status } from './transitions.ts';

/** The calls of the ledger that repeating needs. */
export interface Retelling {
  say(saying: Saying): Promise<SetStatusResult>;
  /** Null: no such delegation. */
  statusOf(delegationId: string): Promise<Status | null>;
  /** Null: no daemon's schema is there. */
  epoch(): Promise<string | null>;
  /** How long a confirmed change is remembered: the daemons' threshold, in milliseconds. */
  keptMs(): number;
}

/** Delegations, and characters of their payloads, remembered at most; the oldest are dropped first. A character has two bytes. */
const KEPT_MAX = 10_000;
const KEPT_CHARACTERS_MAX = 16 * 2 ** 20;
const TICK_MIN_MS = 100;
const TICK_MAX_MS = 3_600_000;

/** A logger that throws is all that rejects: unhandled it would end the agent's process. */
const ignore = () => {};

function charactersOf({ errorDetail, resultPreview, responseBody }: Saying): number {
  return (errorDetail?.length ?? 0) + (resultPreview?.length ?? 0) + (responseBody?.length ?? 0);
}

interface Kept {
  readonly sayings: readonly Saying[];
  readonly characters: number;
  readonly keptAtMs: number;
}

/**
 * Remembers the changes that the database confirmed: that work began, and how it ended. A server that is restored from a
 * backup, or a standby that lagged and was promoted, may have lost them. Daemons change the database's epoch then; when an
 * answer shows another epoch than before, all changes confirmed within the last threshold are repeated.
 */
export class ToldStatuses {
  readonly #retelling: Retelling;
  readonly #log: EventLog;
  /** By delegation, oldest first. */
  readonly #kept = new Map<string, Kept>();
  readonly #due = new Set<string>();
  #characters = 0;
  #epoch: string | undefined;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  constructor(retelling: Retelling, log: EventLog) {
    this.#retelling = retelling;
    this.#log = log;
  }

  /** Remembers what the ledger has confirmed. */
  keep(saying: Saying): void {
    const { delegationId, to } = saying;
    if (!isTerminal(to) && to !== 'in_progress') return;
    const earlier = this.#forget(delegationId)?.sayings.filter((other) => other.to !== to) ?? [];
    const sayings = [...earlier, saying];
    const characters = sayings.reduce((sum, said) => sum + charactersOf(said), 0);
    this.#kept.set(delegationId, { sayings, characters, keptAtMs: performance.now() });
    this.#characters += characters;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX && this.#characters <= KEPT_CHARACTERS_MAX) break;
      this.#forget(oldest);
    }
    this.#arm();
  }

  /** The epoch that an answer of the ledger names. */
  heard(epoch: string): void {
    this.#heardAtMs = performance.now();
    const before = this.#epoch;
    this.#epoch = epoch;
    if (before === undefined || before === epoch) return;
    this.#expire();
    for (const id of this.#kept.keys()) this.#due.add(id);
    if (this.#due.size > 0) this.#sayAgain().catch(ignore);
  }

  /** Without any other answer, the epoch is read after a tenth of the threshold. */
  #arm(): void {
    if (this.#timer || this.#kept.size === 0) return;
    const tickMs = Math.min(TICK_MAX_MS, Math.max(TICK_MIN_MS, this.#retelling.keptMs() / 10));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#expire();
      this.#arm();
      if (this.#due.size > 0) this.#sayAgain().catch(ignore);
      else if (this.#kept.size > 0 && performance.now() - this.#heardAtMs > tickMs / 2) this.#askEpoch().catch(ignore);
    }, tickMs);
    this.#timer.unref();
  }

  #expire(): void {
    const sinceMs = performance.now() - this.#retelling.keptMs();
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
    // What fails is asked again with the next tick.
    const epoch = await this.#alone(() => this.#retelling.epoch().catch(() => null));
    if (epoch) this.heard(epoch);
  }

  async #sayAgain(): Promise<void> {
    await this.#alone(async () => {
      let [told, changed] = [0, 0];
      let error: unknown;
      for (const id of [...this.#due]) {
        try {
          const outcomes = await this.#tell(this.#kept.get(id)?.sayings ?? []);
          this.#due.delete(id);
          told += 1;
          if (outcomes.includes('changed')) changed += 1;
        } catch (err) {
          error = err;
          // One row that raises must not stop the others; when the database is away, the others would fail as well.
          if (!mayConcernOneRow(err)) break;
        }
      }
      this.#log.emit('ledger.told_again', {
        told,
        changed,
        due: this.#due.size,
        err: error === undefined ? null : errorFields(error),
      });
    });
  }

  /** The start is repeated if the work has not ended, and if the end could not be repeated without it. */
  async #tell(sayings: readonly Saying[]): Promise<string[]> {
    const outcomes: string[] = [];
    for (const saying of sayings) {
      if (!isTerminal(saying.to)) {
        const status = await this.#retelling.statusOf(saying.delegationId);
        if (status !== null && status !== 'queued' && status !== 'dispatched') continue;
      }
      outcomes.push((await this.#retelling.say(saying)).outcome);
    }
    return outcomes;
  }

  /** One at a time, so that a connection that hangs holds one. Undefined when one is under way. */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#busy) return undefined;
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}
