import type { QueryRunner } from '../db/positional-statement.ts';
import type { LedgerDb } from '../db/schema.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { assertDurationMs, assertId, idText, instantOf, jsonBody, loggedId } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import { InvalidArgumentError } from './errors.ts';
import type { InsertArguments } from './insert-arguments.ts';
import type { InsertResult } from './insert-result.ts';
import { cutPreview } from './preview.ts';
import { DEADLINE_DEFAULT_MS, type HolderRow, holderStatement, insertStatement } from './statements/insert.ts';
import type { LedgerTables } from './tables.ts';

/** The conflicting row can be deleted between the two statements; a few rounds settle it. */
const ROUNDS_MAX = 3;

/** Writes a delegation's first row and activity. */
export class Insertion {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #insert: ReturnType<typeof insertStatement>;
  readonly #holder: ReturnType<typeof holderStatement>;

  constructor(db: LedgerDb, tables: LedgerTables, log: EventLog) {
    this.#db = db;
    this.#log = log;
    this.#insert = insertStatement(tables);
    this.#holder = holderStatement(tables);
  }

  async insert(delegation: InsertArguments): Promise<InsertResult> {
    const delegationId = idText(delegation?.delegationId);
    try {
      const parameters = parametersOf(delegation);
      return await bestEffort(this.#db, (runner) => this.#write(runner, parameters));
    } catch (err) {
      const error = err as Error;
      this.#log.emit('ledger.insert_failed', {
        delegationId: loggedId(delegationId),
        callerId: loggedId(delegation?.callerId),
        err: errorFields(error),
      });
      const outcome = error instanceof InvalidArgumentError ? 'invalid' : 'failed';
      return { outcome, delegationId, error } as InsertResult;
    }
  }

  async #write(runner: QueryRunner, parameters: InsertParameters): Promise<InsertResult> {
    const [delegationId, callerId, , , idempotencyKey] = parameters;
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const [inserted] = await this.#insert.run(runner, parameters);
      if (inserted) return { outcome: 'inserted', ...inserted };
      const [holder]: HolderRow[] = await this.#holder.run(runner, [delegationId, callerId, idempotencyKey]);
      if (holder) return { outcome: 'duplicate', ...holder };
    }
    throw new Error('the delegation that holds the id or idempotency key could not be read');
  }
}

type InsertParameters = [
  delegationId: string,
  callerId: string,
  calleeId: string,
  taskPreview: string,
  idempotencyKey: string | null,
  deadline: Date | null,
  deadlineMs: number,
  requestBody: string | null,
];

function parametersOf(delegation: InsertArguments): InsertParameters {
  if (typeof delegation !== 'object' || delegation === null) {
    throw new InvalidArgumentError('delegation', 'must be an object');
  }
  const { delegationId, callerId, calleeId, taskPreview, idempotencyKey, deadline, deadlineMs } = delegation;
  assertId('delegationId', delegationId);
  assertId('callerId', callerId);
  assertId('calleeId', calleeId);
  if (idempotencyKey != null) assertId('idempotencyKey', idempotencyKey);
  if (deadline != null && deadlineMs != null) {
    throw new InvalidArgumentError('deadlineMs', 'must not be given together with deadline');
  }
  if (deadlineMs != null) assertDurationMs('deadlineMs', deadlineMs);
  return [
    delegationId,
    callerId,
    calleeId,
    cutPreview('taskPreview', taskPreview),
    idempotencyKey ?? null,
    deadline == null ? null : instantOf('deadline', deadline),
    deadlineMs ?? DEADLINE_DEFAULT_MS,
    jsonBody('requestBody', delegation.requestBody),
  ];
}
