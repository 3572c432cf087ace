import { noteText } from '../../ledger/arguments.ts';
import { InvalidArgumentError } from '../../ledger/errors.ts';
import { visible } from '../../log/visible.ts';

/** The shortest and the longest hold, in milliseconds: 1 s, and 7 d. The table's constraint has the same. */
export const HOLD_MIN_MS = 1_000;
export const HOLD_MAX_MS = 7 * 24 * 3_600_000;

/** A text of one line, in which a terminal or a log viewer has nothing to interpret. @throws InvalidArgumentError */
export function harmlessNote(field: string, text: string): string {
  return noteText(field, visible(text.trim()));
}

/** @throws InvalidArgumentError */
export function assertHoldMs(field: string, ms: number): void {
  if (Number.isInteger(ms) && ms >= HOLD_MIN_MS && ms <= HOLD_MAX_MS) return;
  throw new InvalidArgumentError(field, `must be a whole number of milliseconds from ${HOLD_MIN_MS} to ${HOLD_MAX_MS}`);
}
