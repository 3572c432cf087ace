import { AsyncLocalStorage } from 'node:async_hooks';
import { type TaskState, taskStateToJSON } from '@a2a-js/sdk';
import { type Kysely, type KyselyPlugin, type RootOperationNode, sql } from 'kysely';
import { terminalStates } from '../task-state.ts';

interface Save {
  isRefused: boolean;
}

const saves = new AsyncLocalStorage<Save>();

/** Runs a save of a task; whether the table refused it. */
export async function isRefused(save: () => Promise<void>): Promise<boolean> {
  const current: Save = { isRefused: false };
  await saves.run(current, save);
  return current.isRefused;
}

/**
 * A Kysely whose table of tasks never takes an ended task back, for the SDK's DatabaseTaskStore, which overwrites it:
 *
 *     const store = new LedgerTaskStore(new DatabaseTaskStore(forwardOnly(db)), options);
 *
 * The condition is part of the SDK's own statement, and is judged on the locked row: of two servers that save at once, the
 * one that would revive the task changes nothing. On PostgreSQL. `tableName`: as the store's; default `tasks`.
 */
export function forwardOnly<DB>(db: Kysely<DB>, { tableName = 'tasks' }: { tableName?: string } = {}): Kysely<DB> {
  return db.withPlugin(new ForwardOnlyPlugin(tableName));
}

class ForwardOnlyPlugin implements KyselyPlugin {
  readonly #tableName: string;
  readonly #queries = new WeakMap<object, Save>();

  constructor(tableName: string) {
    this.#tableName = tableName;
  }

  transformQuery({ node, queryId }: Parameters<KyselyPlugin['transformQuery']>[0]): RootOperationNode {
    if (node.kind !== 'InsertQueryNode' || node.onConflict?.updates === undefined) return node;
    if (node.into?.table.identifier.name !== this.#tableName) return node;
    const save = saves.getStore();
    if (save !== undefined) this.#queries.set(queryId, save);
    // Identifiers, and no references, which a plugin of the application's might take for tables of its schema.
    const held = sql.id(this.#tableName, 'status_state');
    const ended = sql.join([...terminalStates].map((state: TaskState) => sql.lit(taskStateToJSON(state))));
    // A task may get more of the same end: the SDK saves a failure twice.
    const where = sql`((${held} IN (${ended})) IS NOT TRUE OR ${held} = ${sql.id('excluded', 'status_state')})`;
    return {
      ...node,
      onConflict: { ...node.onConflict, updateWhere: { kind: 'WhereNode', where: where.toOperationNode() } },
    };
  }

  async transformResult({ queryId, result }: Parameters<KyselyPlugin['transformResult']>[0]) {
    const save = this.#queries.get(queryId);
    if (save !== undefined && result.numAffectedRows === 0n) save.isRefused = true;
    return result;
  }
}
