import { boundedRead } from '../db/bounded-read.ts';
import type { LedgerDb } from '../db/schema.ts';
import { assertDurationMs, assertId, assertStatus } from './arguments.ts';
import type { Delegation } from './delegation.ts';
import { InvalidArgumentError } from './errors.ts';
import { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from './limits.ts';
import { cursorOf, placeOf } from './list-cursor.ts';
import { type ListShape, listStatement } from './statements/list.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

/** Which delegations: those that every given filter accepts. */
export interface ListOptions {
  readonly status?: Status | null | undefined;
  readonly callerId?: string | null | undefined;
  readonly calleeId?: string | null | undefined;
  /** Created longer ago than this, in milliseconds, on the database's clock. */
  readonly olderThanMs?: number | null | undefined;
  /** `next` of the page before. */
  readonly after?: string | null | undefined;
  /** Rows of the page: 1 to 1000, 100 by default. */
  readonly limit?: number | null | undefined;
}

/** One page, newest first. `next` is the `after` of the page that follows; null: this one is the last. */
export interface ListResult {
  readonly rows: readonly Delegation[];
  readonly next: string | null;
}

/** Far more than a page takes: a server that reads nothing must not be waited for. */
const STATEMENT_TIMEOUT_MS = 30_000;

/** Lists delegations by pages. */
export class Listing {
  readonly #db: LedgerDb;
  readonly #tables: LedgerTables;
  readonly #statements = new Map<string, ReturnType<typeof listStatement>>();

  constructor(db: LedgerDb, tables: LedgerTables) {
    this.#db = db;
    this.#tables = tables;
  }

  /** @throws InvalidArgumentError, or the database's error. */
  async list(options: ListOptions): Promise<ListResult> {
    if (typeof options !== 'object' || options === null) throw new InvalidArgumentError('options', 'must be an object');
    const { status = null, callerId = null, calleeId = null, olderThanMs = null, after = null } = options;
    const limit = options.limit ?? LIST_LIMIT_DEFAULT;
    if (status !== null) assertStatus('status', status);
    if (callerId !== null) assertId('callerId', callerId);
    if (calleeId !== null) assertId('calleeId', calleeId);
    if (olderThanMs !== null) assertDurationMs('olderThanMs', olderThanMs);
    if (!Number.isInteger(limit) || limit < 1 || limit > LIST_LIMIT_MAX) {
      throw new InvalidArgumentError('limit', `must be a whole number from 1 to ${LIST_LIMIT_MAX}`);
    }
    const place = after === null ? null : placeOf('after', after);
    const statement = this.#statementOf({ status, byCaller: callerId !== null, byCallee: calleeId !== null });
    const values = {
      callerId,
      calleeId,
      olderThanMs,
      afterCreatedAt: place?.createdAt ?? null,
      afterDelegationId: place?.delegationId ?? null,
      // One more tells whether another page follows.
      rowsMax: limit + 1,
    };
    const found = await boundedRead(this.#db, STATEMENT_TIMEOUT_MS, (db) => statement.run(db, values));
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      rows: page.map(({ createdAtMicros: _, ...delegation }) => delegation),
      next:
        last === undefined || found.length <= limit
          ? null
          : cursorOf({ createdAt: last.createdAtMicros, delegationId: last.delegationId }),
    };
  }

  #statementOf(shape: ListShape): ReturnType<typeof listStatement> {
    const key = JSON.stringify(shape);
    const made = this.#statements.get(key) ?? listStatement(this.#tables, shape);
    this.#statements.set(key, made);
    return made;
  }
}
