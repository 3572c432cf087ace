import type { Advice } from '../../sweeper/advice/advisor.ts';
import type { Census } from '../../sweeper/status/census.ts';
import type { History } from '../../sweeper/status/history.ts';
import type { Status } from '../../sweeper/status/status.ts';
import type { Route } from '../answer.ts';

import type { RefusalOf } from '../readiness.ts';
import { contentSecurityPolicy, renderPage } from './page.ts';

export interface PageProbes {
  readonly status: () => Promise<Status>;
  readonly census: () => Promise<Census>;
  readonly history: () => Promise<History>;
  readonly advice: () => Promise<Advice>;
  readonly version: string;
  readonly refusalOf: RefusalOf;
}

const headers = { 'content-security-policy': contentSecurityPolicy, 'referrer-policy': 'no-referrer' };

/** The status page. Also answers while the database does not. */
export function pageRoute({ status, census, history, advice, version, refusalOf }: PageProbes): Route {
  return async () => {
    const readings = await Promise.all([
      status().catch((err: unknown) => ({ err, refusal: refusalOf(err) })),
      census().catch(() => null),
      history().catch(() => null),
      advice().catch(() => null),
    ]);
    const body = renderPage({
      status: readings[0],
      census: readings[1],
      history: readings[2],
      advice: readings[3],
      version,
    });
    return { status: 200, contentType: 'text/html; charset=utf-8', body, headers };
  };
}
