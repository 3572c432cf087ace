import { CompiledQuery, type DatabaseConnection } from 'kysely';
import { type Column, type Columns, columnList, type RowOf } from './column.ts';
import { runOnNode } from './node/statements/run-on-node.ts';
import { explained } from './outdated-schema-error.ts';
import { expressionOf, type Parameter, type Parameters, type ValuesOf } from './parameter.ts';
import type { LedgerDb } from './schema.ts';
import { withSystemFunctions } from './system-functions.ts';

export { column } from './column.ts';
export { parameter } from './parameter.ts';

/** What a statement runs on: a Kysely, a transaction, or a single connection of either. */
export type QueryRunner = LedgerDb | Pick<DatabaseConnection, 'executeQuery'>;

export interface StatementDefinition<P extends Parameters, C extends Columns> {
  /** By name. In the SQL, `$name` stands for the value, cast to its type. */
  readonly parameters?: P;
  /** By the name that each has in a row. Camel case, so that a caller's CamelCasePlugin has nothing to change. */
  readonly columns?: C;
  /** The text, given the list of columns for its SELECT or RETURNING. */
  readonly sql: string | ((columns: string) => string);
}

/**
 * One SQL text, written out once and run many times with bound parameters:
 *
 *     const statusOf = statement({
 *       parameters: { delegationId: parameter.text },
 *       columns: { status: column.oneOf(statuses, 'd.status'), deadline: column.instant('d.deadline') },
 *       sql: (columns) => `SELECT ${columns} FROM ${delegations} d WHERE d.delegation_id = $delegationId`,
 *     });
 *     const [row] = await statusOf.run(db, { delegationId }); // { status: Status, deadline: Date } | undefined
 *
 * The types of its values and rows follow from the declarations, which test/db/statements.test.ts compares with a real
 * server. A parameter that the text does not name is not sent. The first use throws for one that is named but not declared.
 */
export function statement<P extends Parameters = Record<never, never>, C extends Columns = Record<never, never>>(
  definition: StatementDefinition<P, C>,
): Statement<ValuesOf<P>, RowOf<C>> {
  return new Statement(definition);
}

/** A parameter or column that may be null. */
export function nullable<Value>(kind: Column<Value>): Column<Value | null>;
export function nullable<Value>(kind: Parameter<Value>): Parameter<Value | null>;
export function nullable(kind: unknown): unknown {
  return kind;
}

const NAMED = /\$([a-z][A-Za-z0-9]*)/g;

/** A statement as it is sent. */
interface Written {
  readonly sql: string;
  readonly parameters: readonly (Parameter<unknown> & { readonly name: string })[];
}

/** Made by `statement()`. Its text is written when it is first needed: of all its statements a command runs a few. */
export class Statement<Values, Row> {
  readonly columns: Columns;
  readonly #definition: StatementDefinition<Parameters, Columns>;
  readonly #decoders: readonly (readonly [string, (value: unknown) => unknown])[];
  #written: Written | undefined;

  constructor(definition: StatementDefinition<Parameters, Columns>) {
    const { columns = {} } = definition;
    this.#definition = definition;
    this.columns = columns;
    this.#decoders = Object.entries(columns).flatMap(([name, { decode }]) => (decode ? [[name, decode] as const] : []));
  }

  /** With placeholders by number, and the system's functions named with their schema. */
  get sql(): string {
    return this.#text().sql;
  }

  /** Those that the text names, in the order of their numbers. */
  get parameters(): Written['parameters'] {
    return this.#text().parameters;
  }

  /** @throws OutdatedSchemaError where the schema is missing or too old, or the database's error. */
  async run(db: QueryRunner, values: Values): Promise<Row[]> {
    const bound = this.bind(values);
    const { sql, parameters } = runOnNode(db, this, bound) ?? bound;
    const { rows } = await (db as DatabaseConnection)
      .executeQuery<Record<string, unknown>>(CompiledQuery.raw(sql, parameters))
      .catch((err: unknown) => {
        throw explained(err);
      });
    return rows.map((row) => this.#decoded(row));
  }

  /** What `run` sends. */
  bind(values: Values): { sql: string; parameters: unknown[] } {
    const given = values as Record<string, unknown>;
    const { sql, parameters } = this.#text();
    const sent = parameters.map(({ name, encode }) => {
      const value = given[name];
      return encode === undefined || value === null ? value : encode(value);
    });
    return { sql, parameters: sent };
  }

  #text(): Written {
    this.#written ??= write(this.#definition);
    return this.#written;
  }

  #decoded(row: Record<string, unknown>): Row {
    const decoded = { ...row };
    for (const [name, decode] of this.#decoders) {
      if (decoded[name] !== null) decoded[name] = decode(decoded[name]);
    }
    // The only cast of a row to its declaration: the test compares them on a real server.
    return decoded as Row;
  }
}

function write({ parameters = {}, columns = {}, sql }: StatementDefinition<Parameters, Columns>): Written {
  const text = typeof sql === 'string' ? sql : sql(columnList(columns));
  const named = [...new Set(Array.from(text.matchAll(NAMED), ([, name]) => name!))];
  return {
    parameters: named.map((name) => {
      const kind = parameters[name];
      if (kind === undefined) throw new Error(`a statement names $${name}, which is not among its parameters: ${text}`);
      return { ...kind, name };
    }),
    sql: withSystemFunctions(
      text.replace(NAMED, (_, name: string) => expressionOf(parameters[name]!, `$${named.indexOf(name) + 1}`)),
    ),
  };
}
