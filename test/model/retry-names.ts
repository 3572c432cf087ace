import type { AgentOperation } from './face.ts';
import type { Id } from './operation.ts';

interface Row {
  readonly id: string;
  readonly retryOf: string | null;
}

/**
 * The model's names of delegations: what the sweep tried again has an id that nobody chose, and is called as what it tries
 * again, with a plus.
 */
export class RetryNames {
  readonly #names = new Map<string, string>();
  readonly #ids = new Map<string, string>();

  constructor(rows: readonly Row[]) {
    const retries = new Map(rows.map(({ id, retryOf }) => [id, retryOf]));
    const nameOf = (id: string): string => {
      const old = retries.get(id) ?? null;
      return old === null ? id : `${nameOf(old)}+`;
    };
    for (const { id } of rows) {
      const name = nameOf(id);
      // Two retries of one delegation are told apart, so that neither hides.
      const own = this.#ids.has(name) ? `${name}(${id})` : name;
      this.#names.set(id, own);
      this.#ids.set(own, id);
    }
  }

  nameOf(id: string): string {
    return this.#names.get(id) ?? id;
  }

  /** Runs an operation on the ids that are meant, and answers with the names. */
  async translated(operation: AgentOperation, act: (operation: AgentOperation) => Promise<unknown>): Promise<unknown> {
    const idOf = (name: Id) => (this.#ids.get(name) ?? name) as Id;
    const result =
      operation.op === 'heartbeatMany'
        ? await act({ ...operation, ids: operation.ids.map(idOf) })
        : await act({ ...operation, id: idOf(operation.id) });
    return this.#named(result);
  }

  #named(result: unknown): unknown {
    if (Array.isArray(result)) return result.map((one) => this.#named(one));
    const { delegationId } = (result ?? {}) as { delegationId?: string };
    return delegationId === undefined ? result : { ...(result as object), delegationId: this.nameOf(delegationId) };
  }
}
