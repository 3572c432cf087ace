import { type Micros, timestampOf } from './instant.ts';

/** A parameter of a statement: its SQL, and how a value is sent. */
export interface Parameter<Value> {
  /** As the server describes it. */
  readonly type: string;
  /** SQL: the value, given its placeholder. Absent: the placeholder cast to the type. */
  readonly expression?: (placeholder: string) => string;
  /** Converts the value for the driver; absent: unchanged. Never called with null. */
  encode?(value: Value): unknown;
}

export type Parameters = Readonly<Record<string, Parameter<unknown>>>;

export type ValuesOf<P extends Parameters> = {
  readonly [Name in keyof P]: P[Name] extends Parameter<infer Value> ? Value : never;
};

const text: Parameter<string> = { type: 'text' };
const texts: Parameter<readonly string[]> = { type: 'text[]' };
const boolean: Parameter<boolean> = { type: 'boolean' };
const wholeNumber: Parameter<number> = { type: 'bigint' };
const number: Parameter<number> = { type: 'double precision' };
const numbers: Parameter<readonly number[]> = { type: 'double precision[]' };
const micros: Parameter<Micros> = { type: 'double precision', expression: timestampOf };
const date: Parameter<Date> = { type: 'timestamp with time zone', encode: (value) => value.toISOString() };
const json: Parameter<unknown> = { type: 'jsonb', encode: (value) => JSON.stringify(value) };
const jsonText: Parameter<string> = { type: 'jsonb' };
const interval: Parameter<string> = { type: 'interval' };

/** An array of values of that kind, of which some may be null. */
function list<Value>({ type, encode }: Parameter<Value>): Parameter<readonly (Value | null)[]> {
  const array = { type: `${type}[]` };
  return encode
    ? { ...array, encode: (values) => values.map((value) => (value === null ? null : encode(value))) }
    : array;
}

/**
 * The kinds of parameters. Each is cast to its type wherever it is named, so that the server never has to guess it from
 * the context. Wrap one in `nullable` where null may be bound.
 */
export const parameter = {
  text,
  texts,
  boolean,
  /** A bigint. */
  wholeNumber,
  number,
  numbers,
  /** Micros; in the SQL a timestamptz. */
  micros,
  /** A Date; in the SQL a timestamptz. */
  date,
  /** Any JSON value, as jsonb. */
  json,
  /** A JSON text that was made before, as jsonb. */
  jsonText,
  /** As PostgreSQL writes one: `1 hour`. */
  interval,
  list,
} as const;

/** SQL of a parameter, given its placeholder. */
export function expressionOf({ type, expression }: Parameter<unknown>, placeholder: string): string {
  return expression ? expression(placeholder) : `${placeholder}::${type}`;
}
