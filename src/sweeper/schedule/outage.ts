import { remedyOf } from '../../db/refusal.ts';
import { processTime, type Time } from '../../lifecycle/time.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';

/** The same refusal is logged once in this time, whoever meets it. */
const REFUSED_REPEAT_MS = 60_000;

/**
 * What the log says about one database that several services use. An outage is logged once: the attempts of the service
 * that met it first stand for all, and it is over when none of them is without its database any more.
 */
export class Outage {
  readonly #log: EventLog;
  readonly #time: Time;
  readonly #refusals = new Repeats(REFUSED_REPEAT_MS);
  /** The services that have no database at the moment. */
  readonly #without = new Set<object>();
  #reporter: object | null = null;
  #attempt = 0;
  #sinceMs: number | null = null;

  constructor(log: EventLog, time: Time = processTime) {
    this.#log = log;
    this.#time = time;
  }

  /** A service's attempt found no database. */
  unavailable(service: object, err: unknown, retryInMs: number): void {
    this.#without.add(service);
    this.#sinceMs ??= this.#time.now();
    this.#reporter ??= service;
    if (this.#reporter !== service) return;
    this.#attempt += 1;
    this.#log.emit('database.unavailable', { attempt: this.#attempt, retryInMs, err: errorFields(err) });
  }

  /** The database answered a service with no, or the service itself is at fault: no outage. */
  refused(service: object, err: unknown, retryInMs: number): void {
    // Another one that still has no database logs the attempts from here on.
    if (this.#reporter === service) this.#reporter = null;
    const fields = errorFields(err);
    if (!this.#refusals.isDue(fields.code ?? fields.message, this.#time.now())) return;
    this.#log.emit('database.refused', { err: fields, remedy: remedyOf(err), retryInMs });
  }

  /** A service got through. */
  available(service: object): void {
    if (!this.#without.delete(service)) return;
    if (this.#reporter === service) this.#reporter = null;
    if (this.#without.size > 0) return;
    this.#log.emit('database.recovered', { outageMs: Math.round(this.#time.now() - this.#sinceMs!) });
    this.#attempt = 0;
    this.#sinceMs = null;
  }
}
