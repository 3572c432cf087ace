import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import type { Rule } from '../rules.ts';
import { answerColumns, markParameters, markSql } from './marking.ts';

/** Marks these rows as mark-batch.ts does a batch: how a row whose update raises is distinguished from its neighbours. */
export function markRowsStatement(tables: SweeperTables, rule: Rule) {
  return statement({
    parameters: { ...markParameters, ids: parameter.texts },
    columns: answerColumns(tables),
    sql: (columns) => markSql(tables, rule, 'd.delegation_id = ANY($ids)', columns),
  });
}
