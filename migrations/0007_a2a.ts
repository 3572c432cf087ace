import { type Kysely, sql } from 'kysely';

/**
 * Which A2A task a delegation is. The caller's and the callee's delegation of one task may both be in this ledger, or be
 * one and the same.
 *
 * A new table: no row of another one is read or rewritten.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // agent_url      where the agent is called, as in its card
  // tenant         empty: none
  // user_name      in whose name the agent's task store holds the task; NULL: the caller's entry
  // store_state    what the agent's own task store holds: `open` until it is known to hold an end; NULL: no store of an
  //                agent that uses this ledger
  // claimed_until  one of the agent's processes is telling the store what the ledger gave up
  //
  // The sizes of what is indexed fit into an index entry.
  await sql`
    CREATE TABLE a2a_tasks (
      delegation_id text COLLATE "C" PRIMARY KEY REFERENCES delegations ON DELETE CASCADE,
      agent_url text NOT NULL,
      tenant text NOT NULL DEFAULT '',
      task_id text NOT NULL,
      context_id text,
      user_name text,
      store_state text,
      claimed_until timestamptz,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      CONSTRAINT a2a_tasks_agent_url_size CHECK (octet_length(agent_url) BETWEEN 1 AND 500),
      CONSTRAINT a2a_tasks_tenant_length CHECK (char_length(tenant) <= 200),
      CONSTRAINT a2a_tasks_task_id_length CHECK (char_length(task_id) BETWEEN 1 AND 200),
      CONSTRAINT a2a_tasks_context_id_length CHECK (char_length(context_id) BETWEEN 1 AND 200),
      CONSTRAINT a2a_tasks_user_name_length CHECK (char_length(user_name) <= 200),
      CONSTRAINT a2a_tasks_store_state_known CHECK (store_state IN ('open', 'ended'))
    )`.execute(db);
  await sql`CREATE INDEX a2a_tasks_task ON a2a_tasks (task_id, agent_url, tenant)`.execute(db);
  await sql`CREATE INDEX a2a_tasks_open ON a2a_tasks (agent_url, delegation_id) WHERE store_state = 'open'`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP TABLE a2a_tasks`.execute(db);
}
