import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { LedgerTables } from '../tables.ts';
import { delegationColumns } from './read.ts';

/**
 * The delegations of a task of which its id alone is known for sure, two at most. `isKept`: the task is in the store of an
 * agent that uses this ledger. Those that are not come first: where both sides use it, with a delegation each, they are the
 * caller's.
 */
export function findNotifiedStatement({ a2aTasks, delegations }: LedgerTables) {
  return statement({
    parameters: {
      taskId: parameter.text,
      agentUrl: nullable(parameter.text),
      tenant: nullable(parameter.text),
      callerId: nullable(parameter.text),
    },
    columns: { ...delegationColumns, isKept: column.boolean('t.store_state IS NOT NULL') },
    sql: (columns) => `
SELECT ${columns}
FROM ${a2aTasks} t JOIN ${delegations} d ON d.delegation_id = t.delegation_id
WHERE t.task_id = $taskId AND ($agentUrl IS NULL OR t.agent_url = $agentUrl)
  AND ($tenant IS NULL OR t.tenant = $tenant) AND ($callerId IS NULL OR d.caller_id = $callerId)
ORDER BY t.store_state IS NOT NULL LIMIT 2`,
  });
}
