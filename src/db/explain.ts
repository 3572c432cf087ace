import { CompiledQuery, type DatabaseConnection } from 'kysely';
import type { QueryRunner, Statement } from './statement.ts';

/** One node of a plan, as far as it is judged. */
export interface PlanNode {
  readonly type: string;
  readonly table: string | null;
  readonly index: string | null;
}

export interface Plan {
  readonly nodes: readonly PlanNode[];
  /** Pages that the statement read; null where it was not executed. */
  readonly buffers: number | null;
  /** Rows that the statement returned; null where it was not executed. */
  readonly rows: number | null;
}

interface Explained {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly 'Actual Rows'?: number;
  readonly Plans?: readonly Explained[];
}

/**
 * How the server would run the statement with these values. `execute`: it also runs it, and counts what was read; only for
 * a statement that reads. Throws the database's error.
 */
export async function explain<Values>(
  db: QueryRunner,
  statement: Statement<Values, unknown>,
  values: Values,
  { execute }: { readonly execute: boolean },
): Promise<Plan> {
  const { sql, parameters } = statement.bind(values);
  const options = execute ? 'ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON' : 'FORMAT JSON';
  const { rows } = await (db as DatabaseConnection).executeQuery<{ 'QUERY PLAN': [{ Plan: Explained }] }>(
    CompiledQuery.raw(`EXPLAIN (${options}) ${sql}`, parameters),
  );
  const plan = rows[0]!['QUERY PLAN'][0].Plan;
  return {
    nodes: flattened(plan).map((node) => ({
      type: node['Node Type'],
      table: node['Relation Name'] ?? null,
      index: node['Index Name'] ?? null,
    })),
    buffers: execute ? (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0) : null,
    rows: execute ? (plan['Actual Rows'] ?? 0) : null,
  };
}

function flattened(node: Explained): Explained[] {
  return [node, ...(node.Plans ?? []).flatMap(flattened)];
}
