import type { ListQuery } from '../page/links.ts';
import { decodedQuery } from '../query.ts';
import { BadFilters, type FilterProblem } from './bad-filters.ts';

export const listFilters = ['status', 'callee', 'caller', 'older-than', 'limit', 'after'] as const;

/** Rows of a page: an answer is one text in memory until its client has read it. */
export const ROWS_MAX = 200;

/** The query string as filters, those without a value left out, and the id when a delegation was asked for by it. */
export interface ReadQuery {
  readonly filters: ListQuery;
  readonly id: string | null;
}

const names: readonly string[] = [...listFilters, 'id'];

/** @throws BadEncoding, BadFilters */
export function readListQuery(query: string): ReadQuery {
  const given = new Map<string, string>();
  const problems: FilterProblem[] = [];
  for (const [filter, value] of decodedQuery(query)) {
    if (!names.includes(filter)) {
      problems.push({ filter, reason: `is no filter of the list; accepted: ${listFilters.join(', ')}` });
    } else if (given.has(filter)) problems.push({ filter, reason: 'is given more than once; accepted: one value' });
    else given.set(filter, value);
  }
  const filters = Object.fromEntries([...given].filter(([filter, value]) => filter !== 'id' && value !== ''));
  if (problems.length > 0) throw new BadFilters(problems, filters);
  return { filters, id: given.get('id') || null };
}
