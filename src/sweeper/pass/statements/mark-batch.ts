import { statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import type { Rule } from '../rules.ts';
import { answerColumns, markParameters, markSql } from './marking.ts';
import { isWithin, rangeParameters } from './places.ts';
import { isNotPoisoned, type Sparing, sparedParameters } from './poisoned.ts';

/**
 * Marks one batch: picks and locks what matches, moves it through the ledger's guard, records it, and returns the
 * evidence. What a rival holds is skipped; what a heartbeat or a completion changed before the lock is judged again as
 * it is now, and left alone. A batch of a sweep that no longer has the lease picks nothing.
 */
export function markBatchStatement(tables: SweeperTables, rule: Rule, sparing: Sparing = { someKnown: false }) {
  return statement({
    parameters: { ...markParameters, ...rangeParameters, ...sparedParameters },
    columns: answerColumns(tables),
    sql: (columns) => markSql(tables, rule, `${isWithin(rule)} AND ${isNotPoisoned(tables, sparing)}`, columns),
  });
}
