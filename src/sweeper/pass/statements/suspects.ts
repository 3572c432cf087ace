import { column, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** Known poisoned rows that one sweep tries again, at about two statements each. */
const SUSPECTS_MAX = 1_000;

/** The known poisoned rows that this sweep tries again: those last logged an hour ago first, then others at random. */
export function suspectsStatement({ notices }: SweeperTables) {
  return statement({
    columns: { delegationId: column.text('subject') },
    sql: (columns) => `
SELECT ${columns} FROM ${notices} WHERE kind = 'poisoned'
ORDER BY noticed_at <= clock_timestamp() - interval '1 hour' DESC, random() LIMIT ${SUSPECTS_MAX}`,
  });
}
