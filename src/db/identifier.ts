/** A name as SQL takes it, in quotes: for texts that Kysely does not write. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
