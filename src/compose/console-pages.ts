import type { Config } from '../config/config.ts';
import { boundedRead } from '../db/bounded-read.ts';
import type { DatabaseHandle } from '../db/database.ts';
import { isDefect } from '../db/refusal.ts';
import { clockStatement } from '../db/statements/clock.ts';
import { DelegationLedger } from '../ledger/ledger.ts';
import { statuses } from '../ledger/transitions.ts';
import type { Route } from '../ops/answer.ts';
import { delegationRoute } from '../ops/console/delegation-route.ts';
import type { ExplainProbe } from '../ops/console/explained.ts';
import { listRoute } from '../ops/console/list-route.ts';
import type { ReadListing } from '../ops/console/listed.ts';
import { Turns } from '../ops/console/turns.ts';
import type { RefusalOf } from '../ops/readiness.ts';
import { Explainer } from '../sweeper/explanation/explainer.ts';
import type { ProbeOptions } from '../sweeper/probe/suspect-probe.ts';
import { explainerOptions } from './explainer-options.ts';
import { asBadFilters, listOptionsOf } from './listing-query.ts';
import { CONSOLE_POOL_MAX } from './pool-sizes.ts';
import { version } from './version.ts';

/** The server ends a reading's statement after this. */
const STATEMENT_TIMEOUT_MS = 5_000;
const ANSWER_WITHIN_MS = 3_000;
/** Twenty people who reload at once. */
const WAITING_MAX = 20;
/** Rows of a page that asks for no other number. */
const ROWS_DEFAULT = 50;

export interface ConsoleOptions {
  /** What the sweeps ask agents by. */
  readonly probe: ProbeOptions | undefined;
  readonly refusalOf: RefusalOf;
}

/** The pages about delegations, by path. */
export function consolePages(
  db: DatabaseHandle['db'],
  config: Config,
  { probe, refusalOf }: ConsoleOptions,
): Readonly<Record<string, Route>> {
  const turns = new Turns({
    runningMax: CONSOLE_POOL_MAX,
    waitingMax: WAITING_MAX,
    answerWithinMs: ANSWER_WITHIN_MS,
  });
  const explainer = new Explainer(db, explainerOptions(config, probe));
  const previews = config.opsShowPreviews;
  const explaining: ExplainProbe = {
    explain: (delegationId) => explainer.explain(delegationId, { previews }),
    unknown: (delegationId) => explainer.unknown(delegationId, { previews }),
  };
  const pages = { probe: explaining, turns, refusalOf, isDefect, version, statuses, list: listingOf(db) };
  return { '/delegations': listRoute(pages), '/delegations/{id}': delegationRoute(pages) };
}

function listingOf(db: DatabaseHandle['db']): ReadListing {
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
