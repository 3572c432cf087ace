import { identifier } from '../db/identifier.ts';

/** As SQL takes it: in quotes where it needs them. CURRENT_USER is a word of SQL and no name. */
export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) || name === 'CURRENT_USER' ? name : identifier(name);
}
