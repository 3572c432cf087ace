import type pg from 'pg';
import { escapeLiteral } from 'pg';

/** One node of EXPLAIN's JSON, as far as tests use it. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  /** Of an execution, with the nodes below. */
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly PlanNode[];
}

export interface BoundStatement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** The plan for these values only. */
export async function customPlan(session: pg.Client, { sql, parameters }: BoundStatement): Promise<PlanNode> {
  return planOf(await session.query(`EXPLAIN (FORMAT JSON) ${sql}`, [...parameters]));
}

/** The generic plan for all values, which a driver that prepares its statements uses after a while. */
export async function genericPlan(session: pg.Client, statement: BoundStatement): Promise<PlanNode> {
  return prepared(session, statement, async (execute) =>
    planOf(await session.query(`EXPLAIN (FORMAT JSON) ${execute}`)),
  );
}

/** How many of the server's buffers its execution touches, by either kind of plan. It is run. */
export async function buffersOf(
  session: pg.Client,
  statement: BoundStatement,
  kind: 'custom' | 'generic',
): Promise<number> {
  const explain = 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)';
  const plan =
    kind === 'custom'
      ? planOf(await session.query(`${explain} ${statement.sql}`, [...statement.parameters]))
      : await prepared(session, statement, async (execute) => planOf(await session.query(`${explain} ${execute}`)));
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
}

async function prepared<Result>(
  session: pg.Client,
  { sql, parameters }: BoundStatement,
  run: (execute: string) => Promise<Result>,
): Promise<Result> {
  await session.query(`SET plan_cache_mode = force_generic_plan; PREPARE explained AS ${sql}`);
  try {
    const values = parameters.length > 0 ? `(${parameters.map(literalOf).join(', ')})` : '';
    return await run(`EXECUTE explained${values}`);
  } finally {
    await session.query('DEALLOCATE explained; RESET plan_cache_mode');
  }
}

function planOf({ rows }: pg.QueryResult): PlanNode {
  return rows[0]['QUERY PLAN'][0].Plan;
}

function literalOf(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (value instanceof Date) return escapeLiteral(value.toISOString());
  if (Array.isArray(value)) return escapeLiteral(`{${value.map((element) => JSON.stringify(element)).join(',')}}`);
  return escapeLiteral(typeof value === 'object' ? JSON.stringify(value) : String(value));
}

export function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
