import { Periodic } from '../lifecycle/periodic.ts';
import type { Service } from '../lifecycle/service.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { Repeats } from '../log/repeats.ts';
import type { Availability } from '../outage/availability.ts';
import type { FoundLedger } from './found-ledgers.ts';
import type { ReleaseReason, ServedLedger } from './served-ledger.ts';

/** How often the schemas that DB_SCHEMAS names are looked up. */
const LOOK_EVERY_MS = 60_000;
/** What stays wrong is logged again after this long. */
const REPEAT_MS = 3_600_000;

export interface LedgersOptions {
  /** The schemas that DB_SCHEMAS names. */
  readonly find: () => Promise<readonly FoundLedger[]>;
  /** Builds what serves one of them. */
  readonly serve: (name: string) => ServedLedger;
  /** The log of one of them. */
  readonly logOf: (name: string) => EventLog;
  /** As DB_SCHEMAS names them. */
  readonly dbSchemas: readonly string[];
  readonly lookEveryMs?: number;
}

/**
 * Serves every ledger that DB_SCHEMAS names: one that appears is served within a minute, one whose schema is dropped is let
 * go, one that fails is tried again by the next look. Each has services of its own, and none waits for another. Emits
 * ledgers.none, ledgers.missing, ledgers.failed; each ledger emits ledgers.served and ledgers.released.
 */
export class Ledgers implements Service {
  readonly name = 'ledgers';
  readonly #log: EventLog;
  readonly #options: LedgersOptions;
  readonly #looks: Periodic;
  readonly #served = new Map<string, { readonly oid: number; readonly ledger: ServedLedger }>();
  readonly #repeats = new Repeats(REPEAT_MS);
  readonly #releasing = new Map<string, Promise<void>>();
  #isStopping = false;
  #missing: readonly string[] = [];

  constructor(log: EventLog, availability: Availability, options: LedgersOptions) {
    this.#log = log;
    this.#options = options;
    this.#looks = new Periodic({
      name: this.name,
      everyMs: options.lookEveryMs ?? LOOK_EVERY_MS,
      run: (signal) => availability.until(() => this.#look(), signal),
      // Never called: a look is tried again until it succeeds or the service stops.
      onError: () => {},
    });
  }

  /** Those that are served now, by name. */
  get served(): ReadonlyMap<string, ServedLedger> {
    return new Map([...this.#served].map(([name, { ledger }]) => [name, ledger]));
  }

  /** Those that DB_SCHEMAS names and that do not exist, by the last look. */
  get missing(): readonly string[] {
    return this.#missing;
  }

  start(): Promise<void> {
    return this.#looks.start();
  }

  /** Rejects with an AggregateError of what did not stop. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    // Not waited for: on a half-open connection a look takes a minute to fail. It does nothing more once it is answered.
    void this.#looks.stop();
    const stopped = await Promise.allSettled([...this.#served.values()].map(({ ledger }) => ledger.stop()));
    await Promise.all(this.#releasing.values());
    const errors = stopped.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (errors.length > 0) throw new AggregateError(errors, 'Not every ledger stopped');
  }

  async #look(): Promise<void> {
    const found = await this.#options.find();
    if (this.#isStopping) return;
    const oids = new Map(found.map(({ name, oid }) => [name, oid]));
    for (const [name, { oid, ledger }] of this.#served) {
      const foundOid = oids.get(name) ?? null;
      if (foundOid === oid) continue;
      const released = this.#release(name, ledger, foundOid === null ? 'gone' : 'replaced');
      if (foundOid !== null) released.then(() => this.#serve(name, foundOid));
    }
    for (const { name, oid } of found) if (oid !== null) this.#serve(name, oid);
    this.#missing = found.filter(({ oid }) => oid === null).map(({ name }) => name);
    for (const schema of this.#missing) {
      if (this.#repeats.claim(`missing ${schema}`)) this.#log.emit('ledgers.missing', { schema });
    }
    if (this.#served.size + this.#releasing.size === 0 && this.#repeats.claim('none')) {
      this.#log.emit('ledgers.none', { dbSchemas: this.#options.dbSchemas.join(',') });
    }
  }

  /** Not while another of that name ends: it would lose the workers that go by the name. */
  #serve(name: string, oid: number): void {
    if (this.#isStopping || this.#served.has(name) || this.#releasing.has(name)) return;
    let ledger: ServedLedger;
    try {
      ledger = this.#options.serve(name);
    } catch (err) {
      this.#options.logOf(name).emit('ledgers.failed', { err: errorFields(err) });
      return;
    }
    this.#served.set(name, { oid, ledger });
    // Nobody waits for a start.
    void ledger.start().then((result) => {
      if (result === 'failed' && this.#served.get(name)?.ledger === ledger) this.#release(name, ledger, 'failed');
    });
  }

  /** Not waited for: a ledger that does not end must not keep others from being found. */
  #release(name: string, ledger: ServedLedger, why: ReleaseReason): Promise<void> {
    this.#served.delete(name);
    const releasing = ledger.release(why).finally(() => this.#releasing.delete(name));
    this.#releasing.set(name, releasing);
    return releasing;
  }
}
