import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

export function addGapStatement({ gaps }: SweeperTables) {
  return statement({
    parameters: { start: parameter.micros, end: parameter.micros, kind: parameter.text },
    sql: `INSERT INTO ${gaps} (gap_start, gap_end, kind) VALUES ($start, $end, $kind)`,
  });
}
