/**
 * SQL: what the indexes of the list have in place of ids and a status, and what the list compares them with. Each hash is
 * the seed of the next, so that no two places of a text are confused.
 */
export function listingHash(ids: readonly string[], status: string): string {
  return ids.reduceRight((seed, id) => `hashtextextended(${id}, ${seed})`, `hashtextextended(${status}, 0)`);
}
