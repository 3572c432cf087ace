import { AGENT_URL_BYTES_MAX, ID_LENGTH_MAX } from '../limits.ts';
import { idChecks } from './checks.ts';
import type { Check } from './schema-function.ts';

/** The parameters of an A2A task, and their types. */
export const taskParameters = `agent_url text DEFAULT NULL, tenant text DEFAULT '', task_id text DEFAULT NULL,
  context_id text DEFAULT NULL, user_name text DEFAULT NULL, store_state text DEFAULT NULL`;
export const taskTypes = 'text, text, text, text, text, text';

const atMost = (name: string): Check => [
  `char_length(${name}) > ${ID_LENGTH_MAX}`,
  `format('${name} must have at most ${ID_LENGTH_MAX} characters, not %s', char_length(${name}))`,
];

export const taskChecks: readonly Check[] = [
  [
    `octet_length(agent_url) NOT BETWEEN 1 AND ${AGENT_URL_BYTES_MAX}`,
    `format('agent_url must have 1 to ${AGENT_URL_BYTES_MAX} bytes, not %s', octet_length(agent_url))`,
  ],
  atMost('tenant'),
  ...idChecks('task_id', { mayBeNull: true }),
  ...idChecks('context_id', { mayBeNull: true }),
  atMost('user_name'),
  [`store_state NOT IN ('open', 'ended')`, `'store_state must be open or ended'`],
];

/**
 * PL/pgSQL: the delegation `id`, which is there, is this A2A task. The first task that is recorded stays; whose store holds
 * it, and in which state, follows what was last said.
 */
export function recordTask(fn: string, id: string): string {
  return `
  INSERT INTO a2a_tasks AS t (delegation_id, agent_url, tenant, task_id, context_id, user_name, store_state)
  VALUES (${id}, ${fn}.agent_url, coalesce(${fn}.tenant, ''), ${fn}.task_id, ${fn}.context_id, ${fn}.user_name,
    ${fn}.store_state)
  ON CONFLICT ON CONSTRAINT a2a_tasks_pkey DO UPDATE SET context_id = coalesce(t.context_id, excluded.context_id),
    user_name = coalesce(excluded.user_name, t.user_name), store_state = coalesce(excluded.store_state, t.store_state),
    claimed_until = NULL
  WHERE t.task_id = excluded.task_id AND t.tenant = excluded.tenant
    AND (t.context_id IS NULL AND excluded.context_id IS NOT NULL
      OR excluded.user_name IS NOT NULL AND t.user_name IS DISTINCT FROM excluded.user_name
      OR excluded.store_state IS NOT NULL AND t.store_state IS DISTINCT FROM excluded.store_state);`;
}
