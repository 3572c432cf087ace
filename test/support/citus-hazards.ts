import type pg from 'pg';

/**
 * What Citus refuses in a statement that it plans itself, or does at many times the cost:
 *
 * - `volatile`: an UPDATE, or an INSERT of what a SELECT finds, that calls a VOLATILE function;
 * - `insert_beside_update`: an INSERT in one statement with an UPDATE;
 * - `id_not_repeated`: a join of a table with what a part of the statement has written or locked, whose condition names no id.
 *
 * `order_of_ids` is no matter of the plan: rows that are told in the order of the activity's id, which is that of time only as
 * long as ids rise wherever they are drawn.
 */
export const hazards = ['volatile', 'insert_beside_update', 'id_not_repeated', 'order_of_ids'] as const;
export type Hazard = (typeof hazards)[number];

interface Node {
  readonly 'Node Type': string;
  readonly Operation?: string;
  readonly 'Relation Name'?: string;
  readonly 'CTE Name'?: string;
  readonly 'Subplan Name'?: string;
  readonly Plans?: readonly Node[];
  readonly [key: string]: unknown;
}

export interface Planned {
  readonly hazards: readonly Hazard[];
  /** The tables that it reads or writes. */
  readonly tables: readonly string[];
}

/** By a plan for any values, on PostgreSQL, which has the tables' defaults and the functions' names. */
export async function planned(session: pg.ClientBase, sql: string, parameters: number): Promise<Planned> {
  const nodes = flattened(await planOf(session, sql, parameters));
  const tables = [...new Set(nodes.flatMap((node) => node['Relation Name'] ?? []))];
  const writes = (operation: string) => nodes.filter((node) => node.Operation === operation);
  const isSelecting = writes('Insert').some((node) => flattened(node).some(readsRows));
  const volatile = await volatileNames(session);
  const found: Record<Hazard, boolean> = {
    volatile: (writes('Update').length > 0 || isSelecting) && calledIn(nodes).some((name) => volatile.has(name)),
    insert_beside_update: writes('Insert').length > 0 && writes('Update').length > 0,
    id_not_repeated: nodes.some((node) => !repeatsId(node, writingCtes(nodes))),
    order_of_ids: tellsInOrderOfIds(sql),
  };
  return { tables, hazards: hazards.filter((hazard) => found[hazard]) };
}

export const tellsInOrderOfIds = (sql: string) => /ORDER BY [^()]*\bactivity_id\b/.test(sql);

async function planOf(session: pg.ClientBase, sql: string, parameters: number): Promise<Node> {
  const values = Array.from({ length: parameters }, () => 'NULL').join(', ');
  try {
    await session.query(`SET plan_cache_mode = force_generic_plan; PREPARE looked_at AS ${sql}`);
    const { rows } = await session.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
      `EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) EXECUTE looked_at${values && `(${values})`}`,
    );
    return rows[0]!['QUERY PLAN'][0].Plan;
  } finally {
    await session.query('DEALLOCATE ALL');
  }
}

let known: Promise<ReadonlySet<string>> | undefined;

/** Functions that are VOLATILE, at least for some types of arguments. */
function volatileNames(session: pg.ClientBase): Promise<ReadonlySet<string>> {
  known ??= session
    .query<{ name: string }>(`SELECT DISTINCT proname AS name FROM pg_proc WHERE provolatile = 'v'`)
    .then(({ rows }) => new Set(rows.map(({ name }) => name)));
  return known;
}

/** The functions that a plan's expressions call. Its other values are names and numbers. */
function calledIn(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) =>
    Object.entries(node).flatMap(([key, value]) =>
      key === 'Plans' ? [] : Array.from(JSON.stringify(value).matchAll(/\b([a-z_]\w*)\\?"?\(/g), ([, name]) => name!),
    ),
  );
}

const readsRows = (node: Node) => /Scan$/.test(node['Node Type']) && !/^(?:Values|Function)/.test(node['Node Type']);

/** The parts of the statement that write rows or lock them. */
function writingCtes(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => {
    const [, name] = /^CTE (.*)/.exec(node['Subplan Name'] ?? '') ?? [];
    const isWriting = flattened(node).some((one) => /^(?:ModifyTable|LockRows)$/.test(one['Node Type']));
    return name !== undefined && isWriting ? [name] : [];
  });
}

/** Whether a join of a table with one of these has an id in a condition. */
function repeatsId(node: Node, ctes: readonly string[]): boolean {
  if (!/Nested Loop|Join/.test(node['Node Type'])) return true;
  const sides = (node.Plans ?? []).filter((plan) => plan['Subplan Name'] === undefined).map((plan) => flattened(plan));
  const hasTable = (side: readonly Node[]) => side.some((one) => one['Relation Name'] !== undefined);
  const hasCte = (side: readonly Node[]) => side.some((one) => ctes.includes(one['CTE Name'] ?? ''));
  if (!sides.some((side, i) => hasCte(side) && sides.some((other, j) => i !== j && hasTable(other)))) return true;
  const conditions = [[node], ...sides]
    .flat()
    .flatMap((one) => Object.entries(one).flatMap(([key, value]) => (/Cond|Filter/.test(key) ? [String(value)] : [])));
  return conditions.some((condition) => /\b(?:delegation_id|retry_of|task_id|hold_id)\b/.test(condition));
}

function flattened(node: Node): Node[] {
  return [node, ...(node.Plans ?? []).flatMap(flattened)];
}
