import { isRetryable, isTimeout, mayConcernOneRow, sqlstateOf } from '../../db/sqlstate.ts';

/** A row whose update raises, and what it raises. */
export interface Poison {
  readonly delegationId: string;
  readonly err: unknown;
}

/** Attempts on the same rows, while each meets another error than the one before. */
const ATTEMPTS_MAX = 3;

/** An attempt to mark some rows that was refused. */
export interface Refusal {
  readonly err: unknown;
  /** Rows in it. */
  readonly rows: number;
  /** What the same rows met the time before, alone or among others. */
  readonly before?: unknown;
  /** Which attempt on these rows this was, from 1 on. */
  readonly attempt: number;
}

/**
 * What to do after a refusal. `give up`: the error is no row's. `again`: it may have been a passing one. `halve`: the
 * same error twice, so one of the rows raises it. `poisoned`: the row that stands alone does.
 *
 * Rows that took too long are halved at once: the same number would take as long again.
 */
export function afterRefusal({ err, rows, before, attempt }: Refusal): 'give up' | 'again' | 'halve' | 'poisoned' {
  if (!mayConcernOneRow(err)) return 'give up';
  const isKnown = before !== undefined && sqlstateOf(before) === sqlstateOf(err);
  const mayPass = isRetryable(err) && !isKnown && attempt < ATTEMPTS_MAX;
  if (mayPass && !(isTimeout(err) && rows > 1)) return 'again';
  return rows === 1 ? 'poisoned' : 'halve';
}
