import { describe, expect, test } from '@jest/globals';
import { delegationHref, listHref } from '../../src/ops/page/links.ts';
import { BadEncoding, decodedParameter, decodedQuery } from '../../src/ops/query.ts';
import { Router } from '../../src/ops/router.ts';

const ids = [
  'plain',
  'a/b',
  '/',
  '.',
  '..',
  '../..',
  'a b+c',
  '%2e%2e',
  '?x=1&y=2#z',
  'ünï/代理-🙂',
  `"><script>'&`,
  '\u202ertl\u200b',
  '🙂'.repeat(200),
];

describe('a link to a delegation', () => {
  const router = new Router({ '/delegations': () => never(), '/delegations/{id}': () => never() });

  test.each(ids)('survives a browser: %p', (id) => {
    const { pathname, search } = new URL(delegationHref(id), 'http://localhost:9464/delegations/before');
    const { path, request } = router.find(`${pathname}${search}`)!;
    const read =
      path === '/delegations'
        ? Object.fromEntries(decodedQuery(request.query)).id
        : decodedParameter(request.parameter);
    expect(read).toBe(id);
  });

  test.each(ids)('in the list, too: %p as a filter', (callee) => {
    const { search } = new URL(listHref({ callee, status: 'stuck', caller: '' }), 'http://localhost/');
    expect(decodedQuery(search.slice(1))).toEqual([
      ['callee', callee],
      ['status', 'stuck'],
    ]);
  });
});

describe('a query', () => {
  test('is read as a form writes it: + is a space, a name without a value has an empty one', () => {
    expect(decodedQuery('a=b+c%2B&&d&=e&f=g=h')).toEqual([
      ['a', 'b c+'],
      ['d', ''],
      ['', 'e'],
      ['f', 'g=h'],
    ]);
    expect(decodedQuery('')).toEqual([]);
  });

  test('may have UTF-8 that a client did not encode', () => {
    const raw = Buffer.from('callee=ünï', 'utf8').toString('latin1');
    expect(decodedQuery(raw)).toEqual([['callee', 'ünï']]);
  });

  test.each(['%zz', '%', '%e4', '%ff%fe', '%ed%a0%80', '\xe4'])('refuses %p, which is not UTF-8', (text) => {
    expect(() => decodedParameter(text)).toThrow(BadEncoding);
    expect(() => decodedQuery(`callee=${text}`)).toThrow(BadEncoding);
  });
});

function never(): never {
  throw new Error('not asked');
}
