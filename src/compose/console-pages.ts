import type { Config } from '../config/config.ts';
import { boundedRead } from '../db/bounded-read.ts';
import type { DatabaseHandle } from '../db/database.ts';
import { DelegationLedger } from '../ledger/ledger.ts';
import { statuses } from '../ledger/transitions.ts';
import type { Route } from '../ops/answer.ts';
import { delegationRoute } from '../ops/console/delegation-route.ts';
import { listRoute } from '../ops/console/list-route.ts';
import type { Listing } from '../ops/console/listed.ts';
import { Turns } from '../ops/console/turns.ts';
import type { ListQuery } from '../ops/page/links.ts';
import type { RefusalOf } from '../ops/readiness.ts';
import { Explainer } from '../sweeper/explanation/explainer.ts';
import { asBadFilters, listOptionsOf } from './listing-query.ts';
import { clockStatement } from './statements/clock.ts';
import { version } from './version.ts';

/** The pages about delegations have a connection of their own: what people ask for never delays status, metrics or readiness. */
export const CONSOLE_POOL_MAX = 1;
/** The server ends a statement after this, so that a slow one frees the connection soon after its answer was given up. */
const STATEMENT_TIMEOUT_MS = 2_000;
const ANSWER_WITHIN_MS = 3_000;
/** Twenty people who reload at once; each of them waits for a few milliseconds per one before. */
const WAITING_MAX = 20;
/** Rows of a page that asks for no other number. */
const ROWS_DEFAULT = 50;

/** The pages about delegations, by path. */
export function consolePages(handle: DatabaseHandle, config: Config, refusalOf: RefusalOf): Readonly<Record<string, Route>> {
  const turns = new Turns({
    runningMax: CONSOLE_POOL_MAX,
    waitingMax: WAITING_MAX,
    answerWithinMs: ANSWER_WITHIN_MS,
  });
  const probe = new Explainer(handle.db, { ...explainOptions(config), previews: config.opsShowPreviews });
  const pages = { probe, turns, refusalOf, version, statuses, list: listingOf(handle) };
  return { '/delegations': listRoute(pages), '/delegations/{id}': delegationRoute(pages) };
}

function listingOf({ db }: DatabaseHandle): (query: ListQuery) => Promise<Listing> {
  return async (query) => {
    const asked = listOptionsOf(query);
    const options = { ...asked, limit: asked.limit ?? ROWS_DEFAULT };
    return await boundedRead(db, STATEMENT_TIMEOUT_MS, async (transaction) => {
      const { rows, next } = await new DelegationLedger(transaction).list(options).catch((err: unknown) => {
        throw asBadFilters(err, query);
      });
      const { now } = (await clockStatement().run(transaction, {}))[0]!;
      return { rows, next, now };
    });
  };
}
