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

type ManyValues = Parameters<ReturnType<typeof insertManyStatement>['run']>[1];

/** One valid delegation of the caller's list. */
interface Insert {
  /** Its index in the list. */
  readonly index: number;
  readonly values: InsertValues;
}

/**
 * Records many delegations, a thousand per round trip. One that is invalid, or whose insert fails, does not make the
 * others fail; all that failed are logged as one `ledger.insert_failed`.
 */
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
    const inserts: Insert[] = [];
    for (const [index, delegation] of list.entries()) {
      try {
        inserts.push({ index, values: valuesOf(delegation) });
      } catch (err) {
        results[index] = failure('invalid', delegation?.delegationId, err as Error);
        this.#logFailure([delegation], err as Error);
      }
    }
    const failed: Insert[] = [];
    let lastError: Error | undefined;
    const write = (some: readonly Insert[]) => this.#write(some, list, results);
    const onFailure = (some: readonly Insert[], error: Error) => {
      for (const { index, values } of some) results[index] = failure('failed', values.delegationId, error);
      failed.push(...some);
      lastError = error;
    };
    for (let from = 0; from < inserts.length; from += INSERT_MANY_MAX) {
      await inHalves(inserts.slice(from, from + INSERT_MANY_MAX), write, onFailure);
    }
    if (lastError) {
      this.#logFailure(
        failed.map(({ values }) => values),
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

  async #write(some: readonly Insert[], list: readonly InsertArguments[], results: InsertResult[]): Promise<void> {
    const arrays = arraysOf(some.map(({ values }) => values));
    const answers = await bestEffort(this.#db, (runner) => this.#many.run(runner, arrays));
    for (const [i, { outcome, delegationId, status }] of answers.entries()) {
      const { index } = some[i]!;
      results[index] =
        delegationId === null || status === null
          ? // The row that held its id or key is gone. Alone it is tried again until the outcome is clear.
            await this.#one.insert(list[index]!)
          : { outcome, delegationId, status };
    }
  }

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

/** An array for each argument of an insert; null where none has it. */
function arraysOf(inserts: readonly InsertValues[]): ManyValues {
  const all = <Name extends keyof InsertValues>(name: Name) => inserts.map((values) => values[name]);
  const some = <Name extends keyof InsertValues>(name: Name) =>
    inserts.some((values) => values[name] !== null) ? all(name) : null;
  return {
    delegationIds: all('delegationId'),
    callerIds: all('callerId'),
    calleeIds: all('calleeId'),
    taskPreviews: all('taskPreview'),
    idempotencyKeys: some('idempotencyKey'),
    deadlines: some('deadline'),
    stuckAfterMs: some('stuckAfterMs'),
    stalledAfterMs: some('stalledAfterMs'),
    requestBodies: some('requestBody'),
    deadlinesMs: some('deadlineMs'),
    traceparents: some('traceparent'),
  };
}
