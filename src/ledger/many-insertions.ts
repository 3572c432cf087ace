import type { LedgerDb } from '../db/schema.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { idText, loggedId } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import { InvalidArgumentError } from './errors.ts';
import { inHalves } from './in-halves.ts';
import type { InsertArguments } from './insert-arguments.ts';
import type { InsertResult } from './insert-result.ts';
import { type Insertion, type InsertValues, valuesOf } from './insertion.ts';
import { INSERT_MANY_MAX } from './limits.ts';
import { insertManyStatement } from './statements/insert-many.ts';
import type { LedgerTables } from './tables.ts';

interface Asked {
  readonly place: number;
  readonly parameters: InsertValues;
}

/** Writes many delegations with few round trips. */
export class ManyInsertions {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #one: Insertion;
  readonly #many: ReturnType<typeof insertManyStatement>;

  constructor(db: LedgerDb, tables: LedgerTables, log: EventLog, one: Insertion) {
    this.#db = db;
    this.#log = log;
    this.#one = one;
    this.#many = insertManyStatement(tables);
  }

  async insertMany(delegations: readonly InsertArguments[]): Promise<InsertResult[]> {
    const list = this.#listOf(delegations);
    const results: InsertResult[] = [];
    const asked: Asked[] = [];
    for (const [place, delegation] of list.entries()) {
      try {
        asked.push({ place, parameters: valuesOf(delegation) });
      } catch (err) {
        results[place] = failure('invalid', delegation?.delegationId, err as Error);
        this.#logFailure([delegation], err as Error);
      }
    }
    const lost: Asked[] = [];
    let lastError: Error | undefined;
    const write = (some: readonly Asked[]) => this.#write(some, list, results);
    const lose = (some: readonly Asked[], error: Error) => {
      for (const { place, parameters } of some) results[place] = failure('failed', parameters.delegationId, error);
      lost.push(...some);
      lastError = error;
    };
    for (let from = 0; from < asked.length; from += INSERT_MANY_MAX) {
      await inHalves(asked.slice(from, from + INSERT_MANY_MAX), write, lose);
    }
    if (lastError) {
      this.#logFailure(
        lost.map(({ parameters }) => parameters),
        lastError,
      );
    }
    return results;
  }

  #listOf(delegations: unknown): readonly InsertArguments[] {
    if (Array.isArray(delegations)) return delegations;
    this.#logFailure([undefined], new InvalidArgumentError('delegations', 'must be an array'));
    return [];
  }

  async #write(some: readonly Asked[], list: readonly InsertArguments[], results: InsertResult[]): Promise<void> {
    const rows = `[${some.map(({ parameters }) => elementOf(parameters)).join(',')}]`;
    const answers = await bestEffort(this.#db, (runner) => this.#many.run(runner, { rows }));
    for (const [i, { outcome, delegationId, status }] of answers.entries()) {
      const { place } = some[i]!;
      results[place] =
        delegationId === null || status === null
          ? // Whoever held its id or key is gone: by itself it is tried again until that is settled.
            await this.#one.insert(list[place]!)
          : { outcome, delegationId, status };
    }
  }

  /** One line for all that failed. */
  #logFailure(failed: readonly (Partial<InsertArguments> | undefined)[], error: Error): void {
    const [first] = failed;
    this.#log.emit('ledger.insert_failed', {
      delegationId: loggedId(first?.delegationId),
      callerId: loggedId(first?.callerId),
      count: failed.length,
      err: errorFields(error),
    });
  }
}

function failure(outcome: 'invalid' | 'failed', delegationId: unknown, error: Error): InsertResult {
  return { outcome, delegationId: idText(delegationId), error } as InsertResult;
}

/** JSON text with the arguments of the schema's function by name. The body is JSON already. */
function elementOf(parameters: InsertValues): string {
  const element = JSON.stringify({
    id: parameters.delegationId,
    caller: parameters.callerId,
    callee: parameters.calleeId,
    preview: parameters.taskPreview,
    idempotency_key: parameters.idempotencyKey,
    deadline: parameters.deadline,
    deadline_ms: parameters.deadlineMs,
    stuck_after_ms: parameters.stuckAfterMs,
    stalled_after_ms: parameters.stalledAfterMs,
    traceparent: parameters.traceparent,
  });
  return parameters.requestBody === null
    ? element
    : `${element.slice(0, -1)},"request_body":${parameters.requestBody}}`;
}
