import type { LedgerDb } from '../db/schema.ts';
import type { QueryRunner } from '../db/statement.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { assertDurationMs, assertId, idText, instantOf, jsonBody, loggedId } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import { InvalidArgumentError } from './errors.ts';
import { cutPreview } from './preview.ts';
import { DEADLINE_DEFAULT_MS, type HolderRow, holderStatement, insertStatement } from './statements/insert.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

export interface InsertArguments {
  /** 1 to 200 characters, as every id; UUIDv7 recommended. */
  readonly delegationId: string;
  readonly callerId: string;
  readonly calleeId: string;
  /** Cut to 4096 bytes of UTF-8, on a code point. NUL and lone surrogates become U+FFFD. */
  readonly taskPreview: string;
  /** A second insert with the caller's same key is a duplicate, whatever its id. 1 to 200 characters. */
  readonly idempotencyKey?: string | null | undefined;
  /** The instant after which the delegation counts as failed. Default: six hours after the insert. */
  readonly deadline?: Date | string | null | undefined;
  /** The same, in milliseconds from the insert; not together with `deadline`. */
  readonly deadlineMs?: number | null | undefined;
  /** Any JSON; kept in the activity stream. */
  readonly requestBody?: unknown;
}

/**
 * `inserted`: recorded as queued. `duplicate`: nothing written, since another row has the id or the caller's idempotency
 * key; `delegationId` and `status` are that row's. `invalid`: nothing written, `error.field` names the argument; logged.
 * `failed`: the database did not take it, or gave no answer, so that it may be there all the same; logged. Insert it again
 * with the same id: `inserted` or `duplicate` then says that it is recorded.
 */
export type InsertResult =
  | { readonly outcome: 'inserted'; readonly delegationId: string; readonly status: Status }
  | { readonly outcome: 'duplicate'; readonly delegationId: string; readonly status: Status }
  | { readonly outcome: 'invalid'; readonly delegationId: string; readonly error: InvalidArgumentError }
  | { readonly outcome: 'failed'; readonly delegationId: string; readonly error: Error };

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
