import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import { holdColumns } from '../operator-hold.ts';

/** Begins a hold. `since`: of the hold that it replaces; null: it begins now. There must be none that is open. */
export function makeHoldStatement({ holds }: SweeperTables) {
  return statement({
    parameters: {
      since: nullable(parameter.date),
      forMs: parameter.wholeNumber,
      reason: parameter.text,
      by: parameter.text,
    },
    columns: { ...holdColumns, holdId: column.wholeNumber('h.hold_id') },
    sql: (columns) => `
INSERT INTO ${holds} AS h (made_at, held_since, held_until, reason, made_by)
VALUES (statement_timestamp(), least($since, statement_timestamp()),
  statement_timestamp() + $forMs * interval '1 millisecond', $reason, $by)
RETURNING ${columns}`,
  });
}
