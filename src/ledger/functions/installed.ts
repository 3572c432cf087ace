import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Shards } from '../../db/node/on-node.ts';
import type { Database } from '../../db/schema.ts';
import { column, nullable, parameter, statement } from '../../db/statement.ts';
import { nodeFunctions } from './node.ts';
import {
  catalogueSettings,
  definitionOf,
  type FunctionTarget,
  type SchemaFunction,
  sourceOf,
} from './schema-function.ts';
import { schemaFunctions } from './schema-functions.ts';

/** Begins the comment of our functions: `migrate down` drops only those that have it. */
export const OWNER = 'delegation-sweeper';

/** `outdated`: another release's. `edited`: its comment says that it is this release's, and its text is another. */
export type FunctionState = 'current' | 'missing' | 'outdated' | 'edited';

export interface InstalledFunction {
  readonly fn: SchemaFunction;
  readonly state: FunctionState;
  /** Whether its comment names this definition. */
  readonly isMarked: boolean;
}

/** Our functions in this schema, as the catalogue has them; NULL where one is missing. */
export function installedStatement() {
  return statement({
    parameters: { schema: parameter.text, names: parameter.texts, types: parameter.texts },
    columns: {
      source: nullable(column.text('p.prosrc')),
      settings: nullable(column.json<readonly string[]>('to_json(p.proconfig)')),
      isDefiner: nullable(column.boolean('p.prosecdef')),
      comment: nullable(column.text(`pg_catalog.obj_description(p.oid, 'pg_proc')`)),
      serverVersion: column.wholeNumber(`current_setting('server_version_num')`),
    },
    sql: (columns) => `
SELECT ${columns}
FROM unnest($names) WITH ORDINALITY n (name, position) JOIN unnest($types) WITH ORDINALITY t (types, position) USING (position)
LEFT JOIN pg_catalog.pg_proc p
  ON p.oid = pg_catalog.to_regprocedure(pg_catalog.format('%I.%I(%s)', $schema, n.name, t.types))
ORDER BY position`,
  });
}

/** The values of `installedStatement`. */
export function installedValues(schema: string, functions: readonly SchemaFunction[]) {
  return { schema, names: functions.map(({ name }) => name), types: functions.map(({ types }) => types) };
}

type Row = Awaited<ReturnType<ReturnType<typeof installedStatement>['run']>>[number];

/**
 * Compares what is installed with what this release installs. `rows`: of `installedStatement`, for these functions. `shards`:
 * where Citus has the ledger's schema.
 */
export function installedFunctions(
  rows: readonly Row[],
  functions: readonly SchemaFunction[],
  shards?: Shards | undefined,
): readonly InstalledFunction[] {
  return functions.map((fn, position) => {
    const { source, settings, isDefiner, comment, serverVersion } = rows[position]!;
    const target = { serverVersion, shards };
    const isMarked = comment === commentOf(fn, target);
    const isAsDefined =
      source === sourceOf(fn, target) &&
      isDefiner === (fn.isDefiner ?? false) &&
      JSON.stringify(settings) === JSON.stringify(catalogueSettings(fn));
    const state = source === null ? 'missing' : isAsDefined ? 'current' : isMarked ? 'edited' : 'outdated';
    return { fn, state, isMarked };
  });
}

/**
 * The names of the functions that are not there, and of those that lead to a node of Citus where the ledger is on none. Another
 * release's count as there. `shards`: where Citus has the ledger's schema; those that lead to its node must then be of this
 * node. Throws the database's error.
 */
export async function functionFaults(
  db: Kysely<Database>,
  schema: string,
  shards?: Shards | undefined,
): Promise<Readonly<Record<'missing' | 'leftOver', readonly string[]>>> {
  const toNode = nodeFunctions(shards ?? { delegations: '0' });
  const functions = [...schemaFunctions, ...toNode];
  const rows = await installedStatement().run(db, installedValues(schema, functions));
  const installed = installedFunctions(rows, functions, shards);
  const isMissing = ({ fn, state }: InstalledFunction) =>
    toNode.includes(fn) ? shards !== undefined && state !== 'current' : state === 'missing';
  const namesOf = (found: readonly InstalledFunction[]) => [...new Set(found.map(({ fn }) => fn.name))];
  return {
    missing: namesOf(installed.filter(isMissing)),
    leftOver: namesOf(
      installed.filter(
        ({ fn }, i) => shards === undefined && toNode.includes(fn) && rows[i]!.comment?.startsWith(`${OWNER} `),
      ),
    ),
  };
}

/** What marks a function as ours, and which definition it has. */
export function commentOf(fn: SchemaFunction, target: FunctionTarget): string {
  return `${OWNER} ${createHash('sha256').update(definitionOf(fn, target)).digest('hex')}`;
}
