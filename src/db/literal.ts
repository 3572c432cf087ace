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
