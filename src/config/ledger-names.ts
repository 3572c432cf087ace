import { schemaName } from './names.ts';
import { type Value, value } from './value.ts';

const NAME_BYTES_MAX = 63;
const name = schemaName(NAME_BYTES_MAX);
/** A prefix is as long as a name may be without one more character. */
const prefix = schemaName(NAME_BYTES_MAX - 1);

/** Schemas of ledgers, with a comma between them: names, and prefixes that end in `*`. */
export const ledgerNames: Value<readonly string[]> = value(
  `schemas with a comma between them, each a name or a prefix and a *, such as eu,us,tenant_*: ${name.accepted.replace(/^a schema name: /, '')}`,
  (text) => {
    const entries = entriesOf(text);
    const wrong = entries.find((entry) => !isEntry(entry));
    if (wrong !== undefined) return `${JSON.stringify(wrong)} is none`;
    const twice = entries.find((entry, at) => entries.indexOf(entry) < at);
    return twice === undefined ? null : `${twice} is named twice`;
  },
  entriesOf,
);

function entriesOf(text: string): string[] {
  return text.split(',').map((entry) => entry.trim());
}

function isEntry(entry: string): boolean {
  const { schema } = entry.endsWith('*') ? prefix : name;
  return schema.safeParse(entry.replace(/\*$/, '')).success;
}

/** What DB_SCHEMAS names, apart. */
export interface NamedLedgers {
  readonly names: readonly string[];
  /** Without their `*`. */
  readonly prefixes: readonly string[];
}

export function namedLedgers(entries: readonly string[]): NamedLedgers {
  return {
    names: entries.filter((entry) => !entry.endsWith('*')),
    prefixes: entries.filter((entry) => entry.endsWith('*')).map((entry) => entry.slice(0, -1)),
  };
}

/**
 * Whether DB_SCHEMAS names the schema, by its name or by a prefix. A prefix takes what
 * could be named there, and not pg-boss's schema.
 */
export function isNamed(schema: string, entries: readonly string[], pgbossSchema: string): boolean {
  const { names, prefixes } = namedLedgers(entries);
  if (names.includes(schema)) return true;
  if (!name.schema.safeParse(schema).success || schema === pgbossSchema) return false;
  return prefixes.some((start) => schema.startsWith(start));
}
