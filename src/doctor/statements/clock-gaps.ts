import { column, statement } from '../../db/statement.ts';
import { gapKinds } from '../../sweeper/horizon.ts';
import type { SweeperTables } from '../../sweeper/tables.ts';

/** What the daemons recorded in the last day: time that nobody watched, and jumps of the database's clock. */
export function clockGapsStatement({ gaps }: SweeperTables) {
  return statement({
    columns: {
      kind: column.oneOf(gapKinds, 'g.kind'),
      count: column.wholeNumber('count(*)'),
      totalMs: column.wholeNumber('extract(epoch FROM sum(g.gap_end - g.gap_start)) * 1000'),
    },
    sql: (columns) => `
SELECT ${columns}
FROM ${gaps} g WHERE g.gap_end > clock_timestamp() - interval '1 day' GROUP BY g.kind ORDER BY g.kind`,
  });
}
