import { remedyOf } from '../db/refusal.ts';
import { processTime, type Time } from '../lifecycle/time.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { Repeats } from '../log/repeats.ts';

/** The same refusal is logged once in this time, whichever service meets it. */
const REFUSED_REPEAT_MS = 60_000;

/**
 * Logs the state of one database that several services use. An outage is logged once: only the attempts of the service
 * that met it first are logged, and it is over when every service reaches the database again. Emits
 * database.unavailable, database.refused, database.recovered.
 */
export class Outage {
  readonly #log: EventLog;
  readonly #time: Time;
  readonly #refusals = new Repeats(REFUSED_REPEAT_MS);
  /** The services that do not reach the database now. */
  readonly #cutOff = new Set<object>();
  #reporter: object | null = null;
  #attempt = 0;
  #sinceMs: number | null = null;

  constructor(log: EventLog, time: Time = processTime) {
    this.#log = log;
    this.#time = time;
  }

  /** A service's attempt did not reach the database. */
  unavailable(service: object, err: unknown, retryInMs: number): void {
    this.#cutOff.add(service);
    this.#sinceMs ??= this.#time.now();
    this.#reporter ??= service;
    if (this.#reporter !== service) return;
    this.#attempt += 1;
    this.#log.emit('database.unavailable', { attempt: this.#attempt, retryInMs, err: errorFields(err) });
  }

  /** The database refused a service, or the service itself is at fault: this is no outage. */
  refused(service: object, err: unknown, retryInMs: number): void {
    // Another service that still does not reach the database logs its attempts from now on.
    if (this.#reporter === service) this.#reporter = null;
    const fields = errorFields(err);
    if (!this.#refusals.claim(fields.code ?? fields.message, this.#time.now())) return;
    this.#log.emit('database.refused', { err: fields, remedy: remedyOf(err), retryInMs });
  }

  /** A service reached the database. */
  available(service: object): void {
    if (!this.#cutOff.delete(service)) return;
    if (this.#reporter === service) this.#reporter = null;
    if (this.#cutOff.size > 0) return;
    this.#log.emit('database.recovered', { outageMs: Math.round(this.#time.now() - this.#sinceMs!) });
    this.#attempt = 0;
    this.#sinceMs = null;
  }
}
