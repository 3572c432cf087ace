import type { Kysely } from 'kysely';
import type { Database } from '../src/db/schema.ts';
import type { EventLog } from '../src/log/event-log.ts';
import type { SweepSummary } from '../src/sweeper/summary.ts';
import { Sweeper } from '../src/sweeper/sweeper.ts';
import type { SweeperOptions } from '../src/sweeper/sweeper-options.ts';

/** The defaults of the configuration without the storm guard, which would hold a fleet that is all silent. */
export const sweeperDefaults: SweeperOptions = {
  stuckAfterMs: 600_000,
  batchRowsMax: 1000,
  rowsMax: 10_000_000,
  storm: { minStale: 20, ratio: 0, maxHoldMs: 1_800_000 },
};

export function sweeper(db: Kysely<Database>, log: EventLog, options: Partial<SweeperOptions> = {}): Sweeper {
  return new Sweeper(db, log, { ...sweeperDefaults, ...options });
}

export function sweepOnce(
  db: Kysely<Database>,
  log: EventLog,
  options?: Partial<SweeperOptions>,
): Promise<SweepSummary> {
  return sweeper(db, log, options).sweep({ trigger: 'manual' });
}
