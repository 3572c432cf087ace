import type { RowOf } from '../../db/column.ts';
import { column, nullable } from '../../db/statement.ts';

/** Why a hold has ended: an operator released it, its time passed, or a later hold took its place. */
export const holdEnds = ['operator', 'expired', 'replaced'] as const;

/** SQL over `h`, a row of sweeper_holds. */
export const holdColumns = {
  /** Since when the rules are held: before `madeAt` where it replaced another hold. */
  since: column.instant('h.held_since'),
  until: column.instant('h.held_until'),
  reason: column.text('h.reason'),
  madeAt: column.instant('h.made_at'),
  /** The operator, and the database role. */
  madeBy: column.text('h.made_by'),
  madeRole: column.text('h.made_role'),
  endedAt: nullable(column.instant('h.ended_at')),
  endedWhy: nullable(column.oneOf(holdEnds, 'h.ended_why')),
  endedBy: nullable(column.text('h.ended_by')),
  endedRole: nullable(column.text('h.ended_role')),
};

/** An operator's own hold of the rules that infer silence, in force or ended. */
export type OperatorHold = RowOf<typeof holdColumns>;

/** The hold that is in force, of the latest ones, newest first. */
export function holdInForce(holds: readonly OperatorHold[], now: Date): OperatorHold | null {
  const [latest] = holds;
  return latest !== undefined && latest.endedAt === null && latest.until > now ? latest : null;
}
