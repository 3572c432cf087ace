import type { Columns } from '../../column.ts';
import type { Parameter } from '../../parameter.ts';
import { nodeOf } from '../nodes.ts';
import { onNode } from '../on-node.ts';

interface Text {
  readonly columns: Columns;
  readonly parameters: readonly Parameter<unknown>[];
}

interface Bound {
  readonly sql: string;
  readonly parameters: unknown[];
}

/**
 * The call by which the statement runs on the node that has the ledger, where it is an ordinary one. Citus itself could plan few
 * of the sweeper's statements: it refuses volatile functions in an UPDATE, and fetches what a CTE inserts. Null without Citus,
 * and for a statement that names no table, such as the call of a function.
 */
export function runOnNode(db: object, { columns, parameters }: Text, { sql, parameters: values }: Bound): Bound | null {
  const node = nodeOf(db, sql);
  if (node === null) return null;
  const statement = onNode(sql, node.shards).replace(
    /\$(\d+)/g,
    (_, number: string) => `($1)[${number}]::${parameters[Number(number) - 1]!.type}`,
  );
  const list = Object.entries(columns)
    .map(([name, { type }]) => `"${name}" ${type}`)
    .join(', ');
  // As text each, which the driver makes of any value; null stays null.
  const texts = values.map((_, index) => `$${index + 3}::text`).join(', ');
  return {
    sql: `SELECT h.* FROM ${node.schema}."sweeper_run"($1::text, ARRAY[${texts}]::text[], $2::text) AS h (${list || 'nothing text'})`,
    parameters: [statement, list, ...values],
  };
}
