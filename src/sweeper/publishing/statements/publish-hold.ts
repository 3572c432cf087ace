import type { Parameter } from '../../../db/parameter.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { HeldEvent, ReleasedEvent } from '../../../events/ledger-event.ts';
import type { SweeperTables } from '../../tables.ts';
import type { Refused } from '../refused.ts';

const data: Parameter<HeldEvent['data'] | ReleasedEvent['data']> = parameter.json;

/** Publishes that a hold began or ended, in the transaction in which it does, for those who subscribe to that. */
export function publishHoldStatement({ functions }: SweeperTables) {
  return statement({
    parameters: { type: parameter.text, id: parameter.text, data },
    columns: {
      refused: nullable(column.json<readonly Refused[]>(`${functions.publishHold}($type, $id, $data)`)),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}
