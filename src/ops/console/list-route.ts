import type { Answer, Route } from '../answer.ts';
import { pageAnswer } from '../page/layout.ts';
import { BadFilters } from './bad-filters.ts';
import { type DelegationPages, delegationAnswer } from './delegation-route.ts';
import { listPage } from './list-page.ts';
import { readListQuery } from './list-query.ts';
import type { ReadListing } from './listed.ts';
import { problemAnswer } from './problem-page.ts';

export interface ListPages extends DelegationPages {
  readonly list: ReadListing;
  /** The statuses that the filter offers. */
  readonly statuses: readonly string[];
}

/** The list of delegations, or the page of the one whose id is asked for. */
export function listRoute(pages: ListPages): Route {
  return async ({ query }) => {
    try {
      const { filters, id } = readListQuery(query);
      if (id !== null) return await delegationAnswer(id, pages);
      const listing = await pages.turns.take(() => pages.list(filters));
      return answer(200, { filters, problems: [], listing }, pages);
    } catch (err) {
      if (err instanceof BadFilters)
        return answer(400, { filters: err.filters, problems: err.problems, listing: null }, pages);
      return problemAnswer(err, pages, pages.version);
    }
  };
}

type Result = Pick<Parameters<typeof listPage>[0], 'filters' | 'problems' | 'listing'>;

function answer(status: number, { filters, problems, listing }: Result, { statuses, version }: ListPages): Answer {
  return pageAnswer(status, listPage({ filters, problems, listing, statuses, version }));
}
