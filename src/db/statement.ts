import { CompiledQuery, type DatabaseConnection } from 'kysely';
import { dateOf, type Micros, microsOf } from './instant.ts';
import type { LedgerDb } from './schema.ts';
import { withSystemFunctions } from './system-functions.ts';

type Instant = Date | null;

/** Names of the columns that hold instants. */
type InstantColumn<Row> = { [Name in keyof Row & string]: Row[Name] extends Instant ? Name : never }[keyof Row &
  string];

/** What a statement runs on: a Kysely, a transaction, or the one connection of either. */
export type QueryRunner = LedgerDb | DatabaseConnection;

/**
 * One SQL text, written out once and run many times with bound parameters. Result columns are named in camelCase, so
 * that rows need no mapping and a caller's CamelCasePlugin has nothing to change.
 *
 * Columns that hold instants are named apart, and selected by `instant()`: a client reads a timestamptz by the session's
 * DateStyle, which may be somebody else's, and as a Date only where the caller has not taught `pg` another type for it.
 */
export class Statement<Row> {
  readonly sql: string;
  readonly #instants: readonly InstantColumn<Row>[];

  constructor(sql: string, instants: readonly InstantColumn<Row>[] = []) {
    this.sql = withSystemFunctions(sql);
    this.#instants = instants;
  }

  async run(db: QueryRunner, parameters: readonly unknown[]): Promise<Row[]> {
    const { rows } = await (db as DatabaseConnection).executeQuery<Row>(
      CompiledQuery.raw(this.sql, parameters as unknown[]),
    );
    return this.#instants.length === 0 ? rows : rows.map((row) => this.#withDates(row));
  }

  #withDates(row: Row): Row {
    const dates = { ...row };
    for (const name of this.#instants) {
      const micros = row[name] as Micros | null;
      dates[name] = (micros === null ? null : dateOf(micros)) as Row[typeof name];
    }
    return dates;
  }
}

/** SQL: a timestamptz as a result column of a Statement that names it among its instants. */
export function instant(expression: string): string {
  return wholeNumber(microsOf(expression));
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
