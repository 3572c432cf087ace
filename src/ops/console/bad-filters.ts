import type { ListQuery } from '../page/links.ts';

/** What is wrong with one filter of the list. */
export interface FilterProblem {
  /** Its name in the query string. */
  readonly filter: string;
  /** What is wrong and what is accepted: a sentence without its name and without its full stop. */
  readonly reason: string;
}

/** Filters that the list does not accept; all problems at once. */
export class BadFilters extends Error {
  override readonly name = 'BadFilters';
  readonly problems: readonly FilterProblem[];
  /** Those that were given, so that the form is filled in again. */
  readonly filters: ListQuery;

  constructor(problems: readonly FilterProblem[], filters: ListQuery) {
    super(problems.map(({ filter, reason }) => `${filter} ${reason}`).join('; '));
    this.problems = problems;
    this.filters = filters;
  }
}
