import type { Answer, OpsRequest } from '../answer.ts';
import { json } from '../answer.ts';
import { inLedger } from '../page/layout.ts';
import type { Router } from '../router.ts';

/** Answers what is asked below /ledgers/<name>/. `routerOf`: null for a ledger that is not served. */
export async function ofLedger(
  { parameter, query }: OpsRequest,
  routerOf: (ledger: string) => Router | null,
): Promise<Answer> {
  const [ledger = '', ...rest] = parameter.split('/');
  const router = routerOf(ledger);
  // A name of DB_SCHEMAS holds no character that a URL encodes.
  if (router === null) return json(404, { error: 'no such ledger', see: '/' });
  const found = router.find(`/${rest.join('/')}${query === '' ? '' : `?${query}`}`);
  if (found === null) return json(404, { error: 'not found', paths: router.paths.map((path) => under(ledger) + path) });
  return inLedger(await found.route(found.request), ledger, under(ledger));
}

function under(ledger: string): string {
  return `/ledgers/${ledger}`;
}
