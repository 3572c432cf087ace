import { column, statement } from '../../../db/statement.ts';
import type { Gap } from '../../horizon.ts';
import { microsOf } from '../../instant.ts';
import type { SweeperTables } from '../../tables.ts';

/** All gaps, in one row. */
export function gapsStatement(tables: SweeperTables) {
  return statement({ columns: { gaps: gapsColumn(tables) }, sql: (columns) => `SELECT ${columns}` });
}

export function gapsColumn({ gaps }: SweeperTables) {
  return column.json<readonly Gap[]>(`coalesce((
    SELECT json_agg(json_build_object('startUs', ${microsOf('gap_start')}, 'endUs', ${microsOf('gap_end')}, 'kind', kind))
    FROM ${gaps}), '[]')`);
}
