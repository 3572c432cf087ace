import { dateOf, type Micros, microsOf } from './instant.ts';

/** The type of a result column, as the server describes it. */
export type ColumnType = 'text' | 'boolean' | 'json';

/**
 * A result column of a statement: its SQL, the type that the server gives it, and the type of its values.
 * test/db/statements.test.ts compares the first two on a real server.
 */
export interface Column<Value> {
  readonly expression: string;
  readonly type: ColumnType;
  /** Converts the driver's value; absent: unchanged. Never called with null. */
  decode?(value: unknown): Value;
}

export type Columns = Readonly<Record<string, Column<unknown>>>;

export type RowOf<C extends Columns> = {
  readonly [Name in keyof C]: C[Name] extends Column<infer Value> ? Value : never;
};

/**
 * The kinds of result columns. Each takes the SQL expression of its value; wrap one in `nullable` where it can be NULL.
 * None depends on the session's settings or on parsers that a caller has registered with `pg`: numbers and instants are
 * sent as JSON, which is exact (float8 is cut to `extra_float_digits`, a bigint arrives as a string, a timestamptz is
 * written in the session's DateStyle).
 */
export const column = {
  text: (expression: string): Column<string> => ({ expression, type: 'text' }),
  /** A text that is one of these values, which a constraint of the table or the statement itself ensures. */
  oneOf: <Value extends string>(_values: readonly Value[], expression: string): Column<Value> => ({
    expression,
    type: 'text',
  }),
  boolean: (expression: string): Column<boolean> => ({ expression, type: 'boolean' }),
  wholeNumber: (expression: string): Column<number> => ({ expression: wholeNumberOf(expression), type: 'json' }),
  /** A timestamptz as whole microseconds since 1970, for computing. */
  micros: (expression: string): Column<Micros> => ({ expression: instantOf(expression), type: 'json' }),
  /** A timestamptz as a Date, to the millisecond, for showing. */
  instant: (expression: string): Column<Date> => ({
    expression: instantOf(expression),
    type: 'json',
    decode: (micros) => dateOf(micros as Micros),
  }),
  /** json or jsonb. Nothing checks the shape: name the type of what the expression builds. */
  json: <Value>(expression: string): Column<Value> => ({ expression: `(${expression})::json`, type: 'json' }),
} as const;

/** Columns of a LEFT JOIN: all NULL when it finds no row. */
export function leftJoined<C extends Columns>(columns: C): { readonly [Name in keyof C]: C[Name] | Column<null> } {
  return columns;
}

/** `"name"` of each column with its expression, for a SELECT list or RETURNING. */
export function columnList(columns: Columns): string {
  return Object.entries(columns)
    .map(([name, { expression }]) => `${expression} AS "${name}"`)
    .join(',\n  ');
}

/** SQL: a timestamptz as JSON, in microseconds since 1970. */
export function instantOf(expression: string): string {
  return wholeNumberOf(microsOf(expression));
}

/** SQL: a whole number as JSON. */
export function wholeNumberOf(expression: string): string {
  return `to_json((${expression})::bigint)`;
}
