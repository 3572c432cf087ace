import type { LedgerDb } from '../db/schema.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { activeTraceparent } from './active-traceparent.ts';
import {
  assertId,
  assertThresholdMs,
  assertTraceparent,
  idText,
  instantOrDuration,
  jsonBody,
  loggedId,
} from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import { InvalidArgumentError } from './errors.ts';
import type { InsertArguments } from './insert-arguments.ts';
import type { InsertResult } from './insert-result.ts';
import { cutPreview } from './preview.ts';
import { insertStatement } from './statements/insert.ts';
import type { LedgerTables } from './tables.ts';

/** Writes a delegation's first row and activity. */
export class Insertion {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #insert: ReturnType<typeof insertStatement>;

  constructor(db: LedgerDb, tables: LedgerTables, log: EventLog) {
    this.#db = db;
    this.#log = log;
    this.#insert = insertStatement(tables);
  }

  async insert(delegation: InsertArguments): Promise<InsertResult> {
    const delegationId = idText(delegation?.delegationId);
    try {
      const values = valuesOf(delegation);
      const [row] = await bestEffort(this.#db, (runner) => this.#insert.run(runner, values));
      return row!;
    } catch (err) {
      const error = err as Error;
      this.#log.emit('ledger.insert_failed', {
        delegationId: loggedId(delegationId),
        callerId: loggedId(delegation?.callerId),
        count: 1,
        err: errorFields(error),
      });
      return error instanceof InvalidArgumentError
        ? { outcome: 'invalid', delegationId, error }
        : { outcome: 'failed', delegationId, error };
    }
  }
}

/** Checked arguments of the schema's insert functions. */
export type InsertValues = Parameters<ReturnType<typeof insertStatement>['run']>[1];

/** @throws InvalidArgumentError */
export function valuesOf(delegation: InsertArguments): InsertValues {
  if (typeof delegation !== 'object' || delegation === null) {
    throw new InvalidArgumentError('delegation', 'must be an object');
  }
  const { delegationId, callerId, calleeId, taskPreview, idempotencyKey, deadline, deadlineMs } = delegation;
  const { stuckAfterMs, stalledAfterMs, traceparent } = delegation;
  assertId('delegationId', delegationId);
  assertId('callerId', callerId);
  assertId('calleeId', calleeId);
  if (idempotencyKey != null) assertId('idempotencyKey', idempotencyKey);
  const until = instantOrDuration({ instant: 'deadline', duration: 'deadlineMs' }, deadline, deadlineMs);
  if (stuckAfterMs != null) assertThresholdMs('stuckAfterMs', stuckAfterMs);
  if (stalledAfterMs != null) assertThresholdMs('stalledAfterMs', stalledAfterMs);
  if (traceparent != null) assertTraceparent('traceparent', traceparent);
  return {
    delegationId,
    callerId,
    calleeId,
    taskPreview: cutPreview('taskPreview', taskPreview),
    idempotencyKey: idempotencyKey ?? null,
    deadline: until.instant,
    deadlineMs: until.durationMs,
    stuckAfterMs: stuckAfterMs ?? null,
    stalledAfterMs: stalledAfterMs ?? null,
    traceparent: traceparent ?? activeTraceparent(),
    requestBody: jsonBody('requestBody', delegation.requestBody),
  };
}
