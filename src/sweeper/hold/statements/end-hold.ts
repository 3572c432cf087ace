import { column, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { holdColumns } from '../operator-hold.ts';

/**
 * Ends the open hold, if there is one, for this reason; where its time had passed before, it has expired then. What a later
 * hold replaces goes on, so there is no end to log.
 */
export function endHoldStatement({ holds }: SweeperTables) {
  const wasInForce = 'held_until > statement_timestamp()';
  return statement({
    parameters: { why: parameter.text, by: parameter.text },
    columns: {
      ...holdColumns,
      holdId: column.wholeNumber('h.hold_id'),
      wasInForce: column.boolean("h.ended_why <> 'expired'"),
    },
    sql: (columns) => `
UPDATE ${holds} h SET
  ended_at = least(held_until, statement_timestamp()),
  ended_why = CASE WHEN ${wasInForce} THEN $why ELSE 'expired' END,
  ended_by = CASE WHEN ${wasInForce} THEN $by END,
  ended_role = CASE WHEN ${wasInForce} THEN session_user END,
  end_logged = ${wasInForce} AND $why = 'replaced'
WHERE h.ended_at IS NULL
RETURNING ${columns}`,
  });
}
