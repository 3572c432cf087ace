import { column, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

export function lastSweepStatement({ sweeps }: SweeperTables) {
  return statement({
    columns: {
      startedAt: column.instant('started_at'),
      trigger: column.text('trigger'),
      stuck: column.wholeNumber('stuck'),
      failed: column.wholeNumber('failed'),
      poisoned: column.wholeNumber('poisoned'),
      remaining: column.wholeNumber('remaining'),
      truncated: column.boolean('truncated'),
      held: column.boolean('held'),
      durationMs: column.wholeNumber('duration_ms'),
      unobservedMs: column.wholeNumber('unobserved_ms'),
    },
    sql: (columns) => `SELECT ${columns} FROM ${sweeps} ORDER BY started_at DESC LIMIT 1`,
  });
}
