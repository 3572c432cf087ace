import type { DatabaseHandle } from '../db/database.ts';
import type { Boss } from '../jobs/boss.ts';
import { Services } from '../lifecycle/services.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Schedule } from '../sweeper/schedule/schedule.ts';
import type { OutdatedSchema } from '../sweeper/schedule/schema-gate.ts';
import { type LedgerServices, ledgerQueues } from './ledger-services.ts';

export interface ServedLedgerOptions {
  readonly name: string;
  /** Ends when the ledger is released. Of a daemon that stops it serves sweeps that still run, until the pool ends. */
  readonly db: DatabaseHandle['db'];
  readonly boss: Boss;
  readonly log: EventLog;
  /** Unsubscribes the queues of its webhook. */
  readonly unsubscribe: () => Promise<unknown>;
  readonly stopWithinMs: number;
}

/** Its schema was dropped; it was dropped and created again; or the ledger did not start, and is tried again. */
export type ReleaseReason = 'gone' | 'replaced' | 'failed';

/** One of the ledgers that a daemon serves. Emits ledgers.served, ledgers.released, ledgers.failed. */
export class ServedLedger {
  readonly name: string;
  readonly schedule: Schedule;
  readonly #gate: LedgerServices['gate'];
  readonly #options: ServedLedgerOptions;
  readonly #services: Services;
  readonly #sinceMs = performance.now();

  constructor({ services, schedule, gate }: LedgerServices, options: ServedLedgerOptions) {
    this.name = options.name;
    this.schedule = schedule;
    this.#gate = gate;
    this.#options = options;
    this.#services = new Services(services);
  }

  /** Why it is not served yet, by the last look; null: its schema is current, or was not looked at yet. */
  get outdated(): OutdatedSchema | null {
    return this.#gate.outdated;
  }

  /** May take for long: a ledger whose schema is not current starts when it is. Never rejects. */
  async start(): Promise<'started' | 'stopped' | 'failed'> {
    const { log, stopWithinMs } = this.#options;
    try {
      const result = await this.#services.startAll({ deadlineMs: stopWithinMs });
      if (result === 'started') log.emit('ledgers.served', { afterMs: this.#ageMs() });
      return result;
    } catch (err) {
      log.emit('ledgers.failed', { err: errorFields(err) });
      return 'failed';
    }
  }

  /** Rejects with an AggregateError of what did not stop in time. */
  stop(): Promise<void> {
    return this.#services.stopAll({ deadlineMs: this.#options.stopWithinMs });
  }

  /**
   * Ends its services, and, where its schema is gone, what pg-boss would go on doing for it. What is queued for its webhook
   * stays, for a month. Never rejects.
   */
  async release(why: ReleaseReason): Promise<void> {
    const { name, boss, db, log, unsubscribe } = this.#options;
    const { recurring, webhook } = ledgerQueues(name);
    const offWork = () => [...recurring, ...webhook].map((queue) => boss.offWork(queue));
    const ended: PromiseSettledResult<unknown>[] = await Promise.allSettled([this.stop(), ...offWork()]);
    // A start that the stop interrupted may have begun to work meanwhile.
    ended.push(...(await Promise.allSettled(offWork())));
    // Schedules and subscriptions go by the ledger's name: those of a ledger that has taken its place are the same ones.
    if (why === 'gone') {
      const unscheduled = recurring.map((queue) => boss.pgBoss.unschedule(queue));
      ended.push(...(await Promise.allSettled([...unscheduled, unsubscribe()])));
    }
    await db.destroy();
    if (why === 'failed') return;
    const failure = ended.find((result) => result.status === 'rejected');
    if (failure !== undefined) log.emit('ledgers.failed', { err: errorFields(failure.reason) });
    log.emit('ledgers.released', { servedMs: this.#ageMs() });
  }

  /** Since it was found. */
  #ageMs(): number {
    return Math.round(performance.now() - this.#sinceMs);
  }
}
