import { createHash } from 'node:crypto';
import pg from 'pg';

/** From this many characters on the server takes longer to parse and plan a statement than most times to run it. */
const LONG = 200;

/** By text: the name that each session prepares it by. */
const names = new Map<string, string>();
const databases = new Set<string>();

function nameOf(text: string): string {
  const name = names.get(text) ?? createHash('sha256').update(text).digest('hex').slice(0, 32);
  names.set(text, name);
  return name;
}

/** A single one, and none that changes the schema. */
const isPlanned = (text: string) => /^\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b/.test(text) && !text.includes(';');

/**
 * From here on this process's sessions in that database prepare each long statement. The product sends them without a name,
 * as poolers need it, and the server parses and plans them anew each time: most of the CPU time of a small sweep. Nothing
 * else differs but the plan, which a test that looks at plans has in a database of its own.
 */
export function prepareStatementsIn(database: string): void {
  databases.add(database);
}

pg.Client.prototype.query = new Proxy(pg.Client.prototype.query, {
  apply: (query, session: pg.Client, [text, values, ...rest]: unknown[]) => {
    const isLong = typeof text === 'string' && text.length >= LONG && Array.isArray(values) && isPlanned(text);
    const given = isLong && databases.has(session.database ?? '') ? { text, name: nameOf(text) } : text;
    return Reflect.apply(query, session, [given, values, ...rest]);
  },
});
