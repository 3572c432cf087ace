import { literal } from '../../../db/literal.ts';
import { column, parameter, statement } from '../../../db/statement.ts';
import { observation } from '../../../ledger/statements/a2a-tasks.ts';
import { type Rule, ruleParameters } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';

/** What a delegation is told of a task that goes on. */
export const ALIVE = 'alive';

/**
 * Takes an agent's answer for its delegation, which is locked and judged again: whoever was heard meanwhile needs no answer,
 * and one that another session works on is left alone. The ledger's own function applies it, with all of its rules. Recorded
 * where it changed something. No row: nothing was told.
 */
export function takeAnswerStatement(tables: SweeperTables, rule: Rule) {
  return statement({
    parameters: {
      ...ruleParameters,
      ...observation,
      detail: parameter.json,
    },
    columns: { isChanged: column.boolean('told.is_changed') },
    sql: (columns) => `
WITH judged AS MATERIALIZED (
  SELECT d.delegation_id, d.status FROM ${tables.delegations} d
  WHERE d.delegation_id = $delegationId AND ${rule.matches} FOR NO KEY UPDATE SKIP LOCKED),
told AS MATERIALIZED (
  SELECT j.delegation_id, j.status, $step = ${literal(ALIVE)} OR t.outcome = 'changed' AS is_changed
  FROM judged j CROSS JOIN LATERAL ${tables.functions.a2aObserve}(j.delegation_id, $step, error_detail => $errorDetail,
    result_preview => $resultPreview, response_body => $responseBody, reason => $reason, wait_ms => $waitMs,
    progress => $progress, min_interval_ms => 0, actor => 'sweeper', knows_wait => true) t),
recorded AS (
  INSERT INTO ${tables.activityLogs} (delegation_id, event, from_status, actor, detail)
  SELECT t.delegation_id, 'delegation.probed', t.status, 'sweeper', $detail FROM told t WHERE t.is_changed)
SELECT ${columns} FROM told`,
  });
}
