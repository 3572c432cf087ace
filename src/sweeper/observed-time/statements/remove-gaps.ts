import { parameter, statement } from '../../../db/statement.ts';
import { timestampOf } from '../../instant.ts';
import type { SweeperTables } from '../../tables.ts';

/** Removes the gaps that end at these instants. */
export function removeGapsStatement({ gaps }: SweeperTables) {
  return statement({
    parameters: { endsUs: parameter.numbers },
    sql: `DELETE FROM ${gaps} g USING unnest($endsUs) ended (us) WHERE g.gap_end = ${timestampOf('ended.us')}`,
  });
}
