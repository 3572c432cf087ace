import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { PLACEMENT_REQUIRED, readPlacement } from '../../db/citus/placement.ts';
import { ENCODING_REMEDY, REQUIRED_ENCODING, serverEncoding } from '../../db/encoding.ts';
import { schemaVersion } from '../../db/migrator.ts';
import type { Database } from '../../db/schema.ts';
import { installedVersion, requiredVersion } from '../../jobs/pgboss-version.ts';
import { functionFaults } from '../../ledger/functions/installed.ts';
import type { Service } from '../../lifecycle/service.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import type { Availability } from '../../outage/availability.ts';

/** Why the database cannot be used yet: a schema that is too old, an encoding other than UTF8, or tables that Citus has in part. */
export interface OutdatedSchema {
  readonly component: 'encoding' | 'citus' | 'ledger' | 'pgboss';
  readonly found: string | null;
  readonly required: string;
  readonly remedy: string;
}

const REMEDY = 'run `delegation-sweeper migrate up`';
const UNFINISHED_REMEDY = 'wait for `delegation-sweeper migrate up` to end; if none is running, run it';

const RECHECK_MS = 2_000;
const REPEAT_MS = 60_000;

/**
 * Null when everything is current, or newer than this code knows. `migrate up` creates new functions last, after it has built
 * indexes for minutes or hours: while one is missing, it is not done. @throws the database's error.
 */
export async function outdatedSchema(
  db: Kysely<Database>,
  dbSchema: string,
  pgbossSchema: string,
): Promise<OutdatedSchema | null> {
  const encoding = await serverEncoding(db);
  if (encoding !== REQUIRED_ENCODING) {
    return { component: 'encoding', found: encoding, required: REQUIRED_ENCODING, remedy: ENCODING_REMEDY };
  }
  const placement = await readPlacement(db, { dbSchema, pgbossSchema });
  if (placement.kind === 'unsupported') {
    const [{ what, remedy }] = placement.faults;
    return { component: 'citus', found: what, required: PLACEMENT_REQUIRED, remedy };
  }
  const { pending, current } = await schemaVersion(db, dbSchema);
  const newest = pending.at(-1);
  if (newest !== undefined) return { component: 'ledger', found: current, required: newest, remedy: REMEDY };
  const shards = placement.kind === 'distributed' ? placement.shards : undefined;
  const { missing, leftOver } = await functionFaults(db, dbSchema, shards);
  if (missing.length > 0) {
    const found = `${current} without ${missing.join(', ')}`;
    return { component: 'ledger', found, required: `${current} with its functions`, remedy: UNFINISHED_REMEDY };
  }
  if (leftOver.length > 0) {
    const found = `${current} with ${leftOver.join(', ')}, which lead to a node of Citus`;
    return { component: 'ledger', found, required: `${current} without them`, remedy: REMEDY };
  }
  const found = await installedVersion(db, pgbossSchema);
  if (found !== null && found >= requiredVersion) return null;
  return {
    component: 'pgboss',
    found: found === null ? null : String(found),
    required: String(requiredVersion),
    remedy: REMEDY,
  };
}

/**
 * Resolves its start once the database answers and has the schemas that this code needs. Until then it waits, and emits
 * database.schema_outdated.
 */
export class SchemaGate implements Service {
  readonly name = 'schema gate';
  readonly #check: () => Promise<OutdatedSchema | null>;
  readonly #log: EventLog;
  readonly #availability: Availability;
  readonly #aborter = new AbortController();
  /** Why the daemon is not ready yet; null once the gate is open. */
  outdated: OutdatedSchema | null = null;

  constructor(check: () => Promise<OutdatedSchema | null>, log: EventLog, availability: Availability) {
    this.#check = check;
    this.#log = log;
    this.#availability = availability;
  }

  async start(): Promise<void> {
    const { signal } = this.#aborter;
    const repeats = new Repeats(REPEAT_MS);
    for (;;) {
      this.outdated = await this.#availability.until(this.#check, signal);
      if (this.outdated === null) return;
      const { component, found } = this.outdated;
      // Each fault is logged at once: the next one appears when the first has been corrected.
      if (repeats.claim(`${component} ${found}`)) this.#log.emit('database.schema_outdated', this.outdated);
      await sleep(RECHECK_MS, undefined, { signal });
    }
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
  }
}
