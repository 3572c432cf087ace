import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

export const taskColumns = {
  agentUrl: column.text('t.agent_url'),
  /** Empty: none. */
  tenant: column.text('t.tenant'),
  taskId: column.text('t.task_id'),
  contextId: nullable(column.text('t.context_id')),
  createdAt: column.instant('t.created_at'),
};

/** The A2A task that a delegation is. */
export function taskStatement({ a2aTasks }: SweeperTables) {
  return statement({
    parameters: { delegationId: parameter.text },
    columns: taskColumns,
    sql: (columns) => `SELECT ${columns} FROM ${a2aTasks} t WHERE t.delegation_id = $delegationId`,
  });
}
