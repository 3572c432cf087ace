import { isRetryable, isTimeout, mayConcernOneRow, sqlstateOf } from '../../db/sqlstate.ts';

/** A row whose update raises, with the error. */
export interface Poison {
  readonly delegationId: string;
  readonly err: unknown;
}

/** Attempts on the same rows, as long as each gets another error than the one before. */
const ATTEMPTS_MAX = 3;

/** An attempt to mark some rows that was refused. */
export interface Refusal {
  readonly err: unknown;
  /** Rows in it. */
  readonly rows: number;
  /** The error that the same rows got the time before, alone or with others. */
  readonly before?: unknown;
  /** Which attempt on these rows this was, from 1 on. */
  readonly attempt: number;
}

/**
 * What to do after a refusal. `give up`: the error comes from no row. `again`: it may be temporary. `halve`: the
 * same error twice, so one of the rows raises it. `poisoned`: the single row raises it.
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
