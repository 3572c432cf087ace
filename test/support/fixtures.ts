import { randomUUID } from 'node:crypto';
import type { LedgerDb } from '../../src/db/schema.ts';
import { DelegationLedger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { isTerminal, type Status } from '../../src/ledger/transitions.ts';
import { createEventLog } from '../../src/log/event-log.ts';
import { createLogger } from '../../src/log/logger.ts';
import { Sweeper } from '../../src/sweeper/sweeper.ts';
import type { SweeperOptions } from '../../src/sweeper/sweeper-options.ts';
import { captureLog } from './log-capture.ts';
import type { Queryable } from './wait-for.ts';

/** A logger whose lines a test can read. */
export function capturedLog() {
  const capture = captureLog();
  const logger = createLogger({ level: 'info', destination: capture.stream });
  return { ...capture, logger, log: createEventLog(logger) };
}

export function testLedger(db: LedgerDb, options: LedgerOptions = {}) {
  const capture = capturedLog();
  return { ledger: new DelegationLedger(db, { logger: capture.logger, ...options }), ...capture };
}

export const sweeperDefaults: SweeperOptions = {
  stuckAfterMs: 600_000,
  batchRowsMax: 1000,
  rowsMax: 100_000,
  storm: { minStale: 20, ratio: 0, maxHoldMs: 1_800_000 },
};

/** A delegation's activity, as `in_progress`, `waiting`. */
export async function stepsOf(ledger: Pick<DelegationLedger, 'history'>, delegationId: string): Promise<string[]> {
  return (await ledger.history(delegationId)).map(({ event }) => event.replace('delegation.', ''));
}

export function testSweeper(db: LedgerDb, options: Partial<SweeperOptions> = {}) {
  const capture = capturedLog();
  return { sweeper: new Sweeper(db, capture.log, { ...sweeperDefaults, ...options }), ...capture };
}

export interface RowShape {
  readonly delegationId?: string;
  readonly status?: Status;
  readonly calleeId?: string;
  /** Seconds since the last heartbeat; null: there was none. */
  readonly silentSeconds?: number | null;
  /** Seconds until the deadline; negative: past. */
  readonly deadlineSeconds?: number;
}

/** A row with its history, as if it had got there by ordinary transitions. Returns its id. */
export async function seedDelegation(database: Queryable, shape: RowShape = {}): Promise<string> {
  const { delegationId = randomUUID(), status = 'in_progress', calleeId = 'callee', deadlineSeconds = 3600 } = shape;
  const silentSeconds =
    shape.silentSeconds === undefined && status === 'in_progress' ? 0 : (shape.silentSeconds ?? null);
  await database.query(
    `WITH row AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, deadline, finished_at, revision)
       VALUES ($1, 'caller', $2, 'task', $3, clock_timestamp() - $4::float8 * interval '1 second',
         clock_timestamp() + $5::float8 * interval '1 second', CASE WHEN $6 THEN clock_timestamp() END, 1)
       RETURNING delegation_id, status)
     INSERT INTO activity_logs (delegation_id, event, to_status, actor)
     SELECT delegation_id, 'delegation.' || status, status, 'test' FROM row`,
    [delegationId, calleeId, status, silentSeconds, deadlineSeconds, isTerminal(status)],
  );
  return delegationId;
}
