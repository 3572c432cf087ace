import { durationMs } from '../config/duration.ts';
import { assertDurationMs, assertId, assertStatus } from '../ledger/arguments.ts';
import { InvalidArgumentError } from '../ledger/errors.ts';
import type { ListOptions } from '../ledger/listing.ts';
import { BadFilters, type FilterProblem } from '../ops/console/bad-filters.ts';
import { ROWS_MAX } from '../ops/console/list-query.ts';
import type { ListQuery } from '../ops/page/links.ts';

/** The filters of a query string as the ledger takes them. @throws BadFilters, with all that is wrong. */
export function listOptionsOf(query: ListQuery): ListOptions {
  const { status, caller, callee, 'older-than': olderThan, limit, after } = query;
  const problems: FilterProblem[] = [];
  const read = <Value>(filter: string, text: string | undefined, readValue: (text: string) => Value): Value | null => {
    if (text === undefined) return null;
    try {
      return readValue(text);
    } catch (err) {
      problems.push(problemOf(filter, err));
      return null;
    }
  };
  const options: ListOptions = {
    status: read('status', status, statusOf),
    callerId: read('caller', caller, idOf),
    calleeId: read('callee', callee, idOf),
    olderThanMs: read('older-than', olderThan, ageOf),
    limit: read('limit', limit, limitOf),
    after: after ?? null,
  };
  if (problems.length > 0) throw new BadFilters(problems, query);
  return options;
}

/** What is left to the ledger itself to find: a cursor that it did not make. */
export function asBadFilters(err: unknown, query: ListQuery): unknown {
  return err instanceof InvalidArgumentError ? new BadFilters([problemOf(err.field, err)], query) : err;
}

/** @throws any other error. */
function problemOf(filter: string, err: unknown): FilterProblem {
  if (!(err instanceof InvalidArgumentError)) throw err;
  return { filter, reason: err.message.slice(err.field.length + 1) };
}

function statusOf(text: string): ListOptions['status'] {
  assertStatus('status', text);
  return text;
}

function idOf(text: string): string {
  assertId('id', text);
  return text;
}

function ageOf(text: string): number {
  const ms = durationMs(text);
  if (ms === null) {
    throw new InvalidArgumentError('older-than', 'must be an integer and a unit (ms, s, m, h, d), such as 6h');
  }
  assertDurationMs('older-than', ms);
  return ms;
}

function limitOf(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (limit >= 1 && limit <= ROWS_MAX) return limit;
  throw new InvalidArgumentError('limit', `must be a whole number from 1 to ${ROWS_MAX}`);
}
