import { statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import type { Rule } from '../rules.ts';
import { answerColumns, markParameters, markSql } from './marking.ts';
import { isWithin, rangeParameters } from './places.ts';
import { isNotSpared, type Sparing, sparedParameters } from './poisoned.ts';

/**
 * Marks one batch: picks and locks the rows that match, changes their status by the ledger's guarded transition, records
 * it, and returns the evidence. Rows locked by other sessions are skipped; a row that a heartbeat or a completion changed
 * before the lock is judged again in its new state, and not marked. A batch of a sweep without the lease picks nothing.
 */
export function markBatchStatement(
  tables: SweeperTables,
  rule: Rule,
  sparing: Sparing = { someKnown: false },
  retriesMax = 0,
) {
  const which = `${isWithin(rule)} AND ${isNotSpared(tables, sparing)}`;
  return statement({
    parameters: { ...markParameters, ...rangeParameters, ...sparedParameters },
    columns: answerColumns(tables, rule),
    sql: (columns) => markSql(tables, { rule, which, retriesMax }, columns),
  });
}
