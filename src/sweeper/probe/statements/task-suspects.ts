import type { RowOf } from '../../../db/column.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { wholeMsOf } from '../../instant.ts';
import { type Rule, ruleParameters } from '../../pass/rules.ts';
import { forceParameter, isRuleHeld } from '../../pass/statements/held-rule.ts';
import { isNotSpared, type Sparing, sparedParameters } from '../../pass/statements/poisoned.ts';
import type { SweeperTables } from '../../tables.ts';

const columnsOf = ({ activityLogs }: SweeperTables) => ({
  delegationId: column.text('s.delegation_id'),
  callerId: column.text('s.caller_id'),
  calleeId: column.text('s.callee_id'),
  latenessMs: column.wholeNumber('s.lateness_ms'),
  agentUrl: column.text('t.agent_url'),
  tenant: column.text('t.tenant'),
  taskId: column.text('t.task_id'),
  /** Asked before, without an effect. */
  wasPassedOver: column.boolean('s.delegation_id = ANY($passedOver)'),
  /** The fingerprint of its task when an answer was last taken for a sign of life. */
  known: nullable(
    column.text(`(SELECT a.detail ->> 'fingerprint' FROM ${activityLogs} a
    WHERE a.delegation_id = s.delegation_id AND a.event = 'delegation.probed' ORDER BY a.activity_id DESC LIMIT 1)`),
  ),
});

export type TaskSuspect = RowOf<ReturnType<typeof columnsOf>>;

/**
 * Of the rows that a rule would mark, oldest first, those that are A2A tasks. What was asked before without an effect
 * comes last: a row that stays locked must not keep others from being asked. None while an operator holds the rule.
 */
export function taskSuspectsStatement(tables: SweeperTables, rule: Rule, sparing: Sparing = { someKnown: false }) {
  return statement({
    parameters: {
      ...ruleParameters,
      ...forceParameter,
      ...sparedParameters,
      rowsMax: parameter.wholeNumber,
      passedOver: parameter.texts,
      tasksMax: parameter.wholeNumber,
    },
    columns: columnsOf(tables),
    sql: (columns) => `
SELECT ${columns}
FROM (
  SELECT d.delegation_id, d.caller_id, d.callee_id, d.${rule.key} AS key, ${wholeMsOf(rule.lateness)} AS lateness_ms
  FROM ${tables.delegations} d
  WHERE ${rule.matches} AND ${isNotSpared(tables, sparing)} AND NOT ${isRuleHeld(tables, rule)}
  ORDER BY d.${rule.key}, d.delegation_id LIMIT $rowsMax) s
JOIN ${tables.a2aTasks} t ON t.delegation_id = s.delegation_id
ORDER BY s.delegation_id = ANY($passedOver), s.key, s.delegation_id LIMIT $tasksMax`,
  });
}
