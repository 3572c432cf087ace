import { CompiledQuery, type DatabaseConnection } from 'kysely';
import type { LedgerDb } from './schema.ts';

/** What a statement runs on: a Kysely, a transaction, or the one connection of either. */
export type QueryRunner = LedgerDb | DatabaseConnection;

/**
 * One SQL text, written out once and run many times with bound parameters. Result columns are named in camelCase, so
 * that rows need no mapping and a caller's CamelCasePlugin has nothing to change.
 */
export class Statement<Row> {
  readonly sql: string;

  constructor(sql: string) {
    this.sql = sql;
  }

  async run(db: QueryRunner, parameters: readonly unknown[]): Promise<Row[]> {
    const { rows } = await (db as DatabaseConnection).executeQuery<Row>(
      CompiledQuery.raw(this.sql, parameters as unknown[]),
    );
    return rows;
  }
}

/**
 * SQL: a whole number as a result column. As JSON it is a number in every client, and exact: float8 would be cut to as few
 * digits as somebody's `extra_float_digits` says, and bigint would come as a string.
 */
export function wholeNumber(expression: string): string {
  return `to_json((${expression})::bigint)`;
}

/** A literal list for IN. Literals, not parameters: a generic plan can match a partial index only with a literal. */
export function literals(values: readonly string[]): string {
  return values.map(literal).join(', ');
}

export function literal(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** `column IN (...)`, or `false` for no value at all. */
export function isOneOf(column: string, values: readonly string[]): string {
  return values.length === 0 ? 'false' : `${column} IN (${literals(values)})`;
}
