import type { Queryable } from '../support/wait-for.ts';

/** A change to the product's SQL, sent or stored, to see that the model detects it. */
export interface Mutation {
  /** What to find, and what to put in its place. */
  readonly edits: readonly (readonly [find: string, put: string])[];
}

export function edited(sql: string, { edits }: Mutation): string {
  return edits.reduce((text, [find, put]) => text.replaceAll(find, put), sql);
}

/** The functions of the ledger's schema with a mutation, until it is disposed. */
export class MutatedFunctions implements AsyncDisposable {
  readonly #database: Queryable;
  readonly #originals: readonly string[];

  private constructor(database: Queryable, originals: readonly string[]) {
    this.#database = database;
    this.#originals = originals;
  }

  static async install(database: Queryable, mutation: Mutation, schema = 'public'): Promise<MutatedFunctions> {
    const definitions = await database.query<{ definition: string }>(
      `SELECT pg_get_functiondef(p.oid) AS definition FROM pg_proc p
      WHERE p.pronamespace = $1::regnamespace AND p.prokind = 'f'`,
      [schema],
    );
    const originals = definitions.map(({ definition }) => definition).filter((sql) => edited(sql, mutation) !== sql);
    for (const original of originals) await database.query(edited(original, mutation));
    return new MutatedFunctions(database, originals);
  }

  get count(): number {
    return this.#originals.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const original of this.#originals) await this.#database.query(original);
  }
}
