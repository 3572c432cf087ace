import { column, parameter, statement } from '../../db/statement.ts';
import type { SweeperTables } from '../tables.ts';

/** Of these subjects, those that were not logged within the interval; they count as logged from now on. */
export function claimNoticesStatement({ notices }: SweeperTables) {
  return statement({
    parameters: { kind: parameter.text, subjects: parameter.texts, repeatAfter: parameter.interval },
    columns: { subject: column.text('subject') },
    sql: (columns) => `
INSERT INTO ${notices} AS n (kind, subject, noticed_at)
SELECT $kind, subject, clock_timestamp() FROM unnest($subjects) subject ORDER BY subject
ON CONFLICT (kind, subject) DO UPDATE SET noticed_at = excluded.noticed_at
WHERE n.noticed_at <= excluded.noticed_at - $repeatAfter
RETURNING ${columns}`,
  });
}
