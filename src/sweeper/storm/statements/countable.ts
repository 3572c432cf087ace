import { isInProgress } from '../../in-progress.ts';
import { isNotWaiting, silentAt, thresholdMs } from '../../pass/due-at.ts';
import { inOrder, isNotOverdue, stale, staleSpecial } from '../../pass/rules.ts';
import { isNotKnownPoison } from '../../pass/statements/poisoned.ts';
import type { SweeperTables } from '../../tables.ts';
import { AGE_BINS } from '../ages.ts';

/** Rows in progress that are counted at most, the longest silent first. */
export const ROWS_COUNTED_MAX = 1_000_000;

/** SQL: in progress, and not overdue. */
export const isOpen = `${isInProgress} AND ${isNotOverdue('$now')}`;

/** SQL: of these, plain ones that were last heard before this instant. */
export function isHeardBefore(instant: string): string {
  return `${isOpen} AND d.suspect_at IS NULL AND d.heartbeat_bucket <= ${instant} AND d.last_heartbeat < ${instant}`;
}

/** Of plain rows, in the order of their index, which bounds the count by age. */
export const inPlainOrder = inOrder(stale);

/** SQL: a special row that is expected to be heard. */
export const isExpected = `${isOpen} AND d.suspect_at IS NOT NULL AND ${isNotWaiting()}`;

/** Of special rows, in the order of theirs. */
export const inSuspectOrder = inOrder(staleSpecial);

/**
 * SQL: the class of a special row. Rows whose thresholds lie within a factor of two can be compared by their ages: what
 * falls silent together comes due at about the same time. Plain rows are class 0, which no special row has: a threshold is longer than 2^0 ms.
 */
export const classOf = `floor(ln(${thresholdMs}) / ln(2))::int`;

/** SQL: a special row's age in parts of its own threshold, from 0, the youngest; AGE_BINS: past the threshold. */
export const ageBinOf = `(CASE WHEN ${silentAt()} < $now THEN ${AGE_BINS}
    ELSE least(${AGE_BINS - 1}, greatest(0, floor(${AGE_BINS} * (1 - date_part('epoch', ${silentAt()} - $now) * 1000 / ${thresholdMs}))))::int END)`;

/** SQL: no running transaction has locked the row. The array of them is read once, and only when there is a row. */
const isNotLocked = `d.xmax <> ALL (ARRAY(SELECT l.transactionid FROM pg_locks l WHERE l.locktype = 'transactionid' AND l.granted))`;

/**
 * SQL: excludes rows that sweeps cannot mark and that are therefore no sign of a storm: those known to be poisoned, and those
 * that a running transaction has locked.
 */
export function isCountable(tables: SweeperTables): string {
  return `${isNotKnownPoison(tables)} AND ${isNotLocked}`;
}

/** SQL: the same for all rows, silent or not: whether one is known to be poisoned is asked only of those heard before this instant. */
export function isCountableOfAll(tables: SweeperTables, instant: string): string {
  return `(d.last_heartbeat >= ${instant} OR ${isNotKnownPoison(tables)}) AND ${isNotLocked}`;
}
