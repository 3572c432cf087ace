import { onNode, type Shards } from '../../db/node/on-node.ts';
import { ownSchema } from './own-schema.ts';
import { toNode } from './to-node.ts';

/** A function of the ledger's schema, for any client in any language. */
export interface SchemaFunction {
  readonly name: string;
  /** SQL: the parameters, with their defaults, and the OUT parameters of its one row. */
  readonly parameters: string;
  /** SQL: the types of its IN parameters, which together with the name say which function it is. */
  readonly types: string;
  /** SQL: what it returns, where that is not one row of its OUT parameters. */
  readonly returns?: string;
  /** Runs with the rights of the functions' owner, for callers that lack them. */
  readonly isDefiner?: boolean;
  /** It reads only, and answers alike during one statement. */
  readonly isStable?: boolean;
  /**
   * Its own schema is left off the search path: whoever may create objects there could otherwise have them run with the
   * owner's rights. The variable `place` has its name, quoted.
   */
  readonly keepsSystemPath?: boolean;
  /** All that it names is named with its schema: it has neither settings nor `place`, which cost more than what it does. */
  readonly isBare?: boolean;
  /** It needs no table of the ledger: where Citus has the ledger, it runs on the node on which it is called. */
  readonly runsAnywhere?: boolean;
  /** Further settings for each call. */
  readonly settings?: Readonly<Record<string, string>>;
  /** PL/pgSQL: further variables, of the block `own`. */
  readonly declare?: string;
  /** PL/pgSQL. Tables are named without a schema; columns with an alias, since parameters have names, too. */
  readonly body: string;
}

/**
 * A function's own search path has only system objects until it knows its schema. The server's session caches its plans,
 * which are generic, and never a sequential scan that was planned while the table was empty.
 */
const settings = {
  search_path: 'pg_catalog, pg_temp',
  enable_seqscan: 'off',
  plan_cache_mode: 'force_generic_plan',
} as const;

const settingsOf = (fn: SchemaFunction) => (fn.isBare ? [] : Object.entries({ ...settings, ...fn.settings }));

/** As the server's catalogue has them. */
export function catalogueSettings(fn: SchemaFunction): readonly string[] | null {
  return fn.isBare ? null : settingsOf(fn).map(([name, value]) => `${name}=${value}`);
}

/** What a function is installed on. */
export interface FunctionTarget {
  /** As server_version_num. */
  readonly serverVersion: number;
  /** Where Citus has the ledger's schema on a node. Absent: the ledger has ordinary tables. */
  readonly shards?: Shards | undefined;
}

/** SQL that creates or replaces the function in the first schema of the search path. */
export function definitionOf(fn: SchemaFunction, target: FunctionTarget): string {
  return `CREATE OR REPLACE FUNCTION ${fn.name}(${fn.parameters})
${fn.returns ? `RETURNS ${fn.returns} ` : ''}LANGUAGE plpgsql
${fn.isStable ? 'STABLE ' : ''}${fn.isDefiner ? 'SECURITY DEFINER ' : ''}${settingsOf(fn)
  .map(([name, value]) => `SET ${name} = ${value}`)
  .join(' ')} AS $$${sourceOf(fn, target)}$$`;
}

/** The text between the dollar quotes, as the server's catalogue has it. */
export function sourceOf(fn: SchemaFunction, { serverVersion, shards }: FunctionTarget): string {
  const redirection = shards === undefined || fn.runsAnywhere ? '' : toNode(fn);
  const body = shards === undefined ? fn.body : onNode(fn.body, shards);
  if (fn.isBare) return `\nBEGIN${body}\nEND `;
  return `
<<own>>
DECLARE
  routine oid;
  place text;
  problem text;${fn.declare ?? ''}
BEGIN${ownSchema(fn.name, serverVersion, fn.keepsSystemPath)}${redirection}${body}
END `;
}

/** A condition under which an argument is refused, and SQL for the message. Both as PL/pgSQL over the parameters. */
export type Check = readonly [condition: string, message: string];

/** SQL: the message of the first check whose condition holds; NULL when none does. */
export function firstProblem(checks: readonly Check[]): string {
  return `CASE${checks.map(([condition, message]) => `\n    WHEN ${condition} THEN ${message}`).join('')} END`;
}

/**
 * PL/pgSQL: raises 22023 with the first problem. The messages name the argument. `suspicion` is a cheaper condition that
 * holds whenever one of the checks does, and perhaps without. Only that is evaluated in most calls: the server prepares
 * a whole expression anew in each transaction, with the branches of a CASE that are never taken.
 */
export function refuse(
  checks: readonly Check[],
  suspicion: string = checks.map(([condition]) => `(${condition})`).join('\n    OR '),
): string {
  return `
  IF ${suspicion} THEN
    problem := ${firstProblem(checks)};
    IF problem IS NOT NULL THEN
      RAISE EXCEPTION '%', problem USING ERRCODE = 'invalid_parameter_value';
    END IF;
  END IF;`;
}
