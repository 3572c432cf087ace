import type { Advice } from '../../sweeper/advice/advisor.ts';
import type { Census } from '../../sweeper/status/census.ts';
import type { History } from '../../sweeper/status/history.ts';
import type { Status } from '../../sweeper/status/status.ts';
import type { Undelivered } from '../../webhook/undelivered.ts';
import type { Route } from '../answer.ts';
import type { RefusalOf } from '../readiness.ts';
import { pageAnswer } from './layout.ts';
import { REFRESH_SECONDS, statusPage } from './page.ts';

export interface PageProbes {
  readonly status: () => Promise<Status>;
  readonly census: () => Promise<Census>;
  readonly history: () => Promise<History>;
  readonly advice: () => Promise<Advice>;
  /** Null: it cannot be read. */
  readonly undelivered: () => Promise<Undelivered | null>;
  readonly version: string;
  readonly refusalOf: RefusalOf;
}

/** Asks for a page that stays as it is: someone reads it, or moves through it by keyboard. */
const STILL = 'reload=off';

/** The status page. Also answers while the database does not. */
export function pageRoute({ status, census, history, advice, undelivered, version, refusalOf }: PageProbes): Route {
  return async ({ query }) => {
    const readings = await Promise.all([
      status().catch((err: unknown) => ({ err, refusal: refusalOf(err) })),
      census().catch(() => null),
      history().catch(() => null),
      advice().catch(() => null),
      undelivered().catch(() => null),
    ]);
    const reloads = query !== STILL;
    const layout = statusPage({
      status: readings[0],
      census: readings[1],
      history: readings[2],
      advice: readings[3],
      undelivered: readings[4],
      version,
      reloads,
    });
    return pageAnswer(200, layout, reloads ? { refresh: String(REFRESH_SECONDS) } : {});
  };
}
