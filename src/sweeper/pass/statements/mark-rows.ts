import type { Parameter } from '../../../db/parameter.ts';
import { parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';
import type { ProbeEvidence } from '../probe-evidence.ts';
import type { Rule } from '../rules.ts';
import { answerColumns, markParameters, markSql } from './marking.ts';
import { isNoTask } from './tasks.ts';

const isNamed = 'd.delegation_id = ANY($ids)';

/**
 * Marks these rows as mark-batch.ts does a batch: how a row whose update raises is distinguished from its neighbours.
 * `tasks`: those that are A2A tasks are left out.
 */
export function markRowsStatement(
  tables: SweeperTables,
  rule: Rule,
  { tasks }: { readonly tasks: boolean },
  retriesMax = 0,
) {
  const which = tasks ? `${isNamed} AND ${isNoTask(tables)}` : isNamed;
  return statement({
    parameters: { ...markParameters, ids: parameter.texts },
    columns: answerColumns(tables, rule),
    sql: (columns) => markSql(tables, { rule, which, retriesMax }, columns),
  });
}

const probes: Parameter<Readonly<Record<string, ProbeEvidence>>> = parameter.json;

/** The same for rows whose agents were asked, with what came of it: $probes, by delegation. */
export function markAskedStatement(tables: SweeperTables, rule: Rule, retriesMax = 0) {
  const probe = '$probes -> d.delegation_id';
  return statement({
    parameters: { ...markParameters, ids: parameter.texts, probes },
    columns: answerColumns(tables, rule),
    sql: (columns) => markSql(tables, { rule, which: isNamed, probe, retriesMax }, columns),
  });
}
