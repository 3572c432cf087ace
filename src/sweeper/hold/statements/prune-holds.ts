import { statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** So many of the latest holds are kept. */
const HOLDS_KEPT = 100;

/** Removes the oldest holds that have ended. */
export function pruneHoldsStatement({ holds }: SweeperTables) {
  return statement({
    sql: `
DELETE FROM ${holds} h WHERE h.end_logged AND h.hold_id <= (
  SELECT k.hold_id FROM ${holds} k ORDER BY k.hold_id DESC OFFSET ${HOLDS_KEPT} LIMIT 1)`,
  });
}
