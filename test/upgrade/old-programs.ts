import type { LedgerDb } from '../../src/db/schema.ts';
import { capturedLog } from '../support/fixtures.ts';
import {
  Beat,
  createEventLog,
  DelegationLedger,
  Sweeper,
  type SweeperOptions,
  SweeperState,
  sweeperTables,
} from './0.1.0/programs.js';

/** An agent of 0.1.0. Without debounce, unless told otherwise. */
export function oldAgent(db: LedgerDb, heartbeatMinIntervalMs = 0.001) {
  const { logger, events } = capturedLog();
  return { ledger: new DelegationLedger(db, { logger, heartbeatMinIntervalMs }), events };
}

const defaults: SweeperOptions = {
  stuckAfterMs: 600_000,
  batchRowsMax: 1000,
  rowsMax: 100_000,
  storm: { minStale: 20, ratio: 0, maxHoldMs: 1_800_000 },
};

/** A daemon of 0.1.0, as far as it works on the ledger: its beat and its sweep. */
export function oldDaemon(db: LedgerDb, overrides: Partial<SweeperOptions> = {}) {
  const { logger, events } = capturedLog();
  const log = createEventLog(logger);
  const options = { ...defaults, ...overrides };
  const beat = new Beat(new SweeperState(db, sweeperTables(db)), log, options.stuckAfterMs);
  return { beat, sweeper: new Sweeper(db, log, options), events };
}
