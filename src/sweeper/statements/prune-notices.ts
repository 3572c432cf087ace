import { literal } from '../../db/literal.ts';
import { statement } from '../../db/statement.ts';
import { UNHEALABLE } from '../../ledger/unhealable.ts';
import type { SweeperTables } from '../tables.ts';

/** A fault that was not met for this long is forgotten. */
const FORGET_AFTER = '1 day';

export function pruneNoticesStatement({ notices }: SweeperTables) {
  return statement({
    sql: `
DELETE FROM ${notices}
WHERE noticed_at < clock_timestamp() - interval '${FORGET_AFTER}' AND kind <> ${literal(UNHEALABLE)}`,
  });
}
