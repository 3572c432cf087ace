import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import type { Refused } from '../refused.ts';

/** Publishes the events of the activities that this transaction has recorded, for those who subscribe to them. */
export function publishMarksStatement({ functions }: SweeperTables) {
  return statement({
    parameters: { activities: parameter.numbers },
    columns: { refused: nullable(column.json<readonly Refused[]>(`${functions.publish}($activities::bigint[])`)) },
    sql: (columns) => `SELECT ${columns}`,
  });
}
