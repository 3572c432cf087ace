import { column, nullable, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** The threshold by which the daemons judge, in ms; null as long as none has stored one. */
export function inForceStatement({ sweeperState, sweeperThreshold }: SweeperTables) {
  return statement({
    columns: { inForceMs: nullable(column.wholeNumber('greatest(t.stuck_after_ms, s.stuck_after_ms)')) },
    sql: (columns) => `
SELECT ${columns}
FROM ${sweeperState} s LEFT JOIN ${sweeperThreshold} t ON t.singleton WHERE s.singleton`,
  });
}
