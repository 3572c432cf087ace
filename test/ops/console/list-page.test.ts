import { describe, expect, test } from '@jest/globals';
import { isDefect } from '../../../src/db/refusal.ts';
import { statuses } from '../../../src/ledger/transitions.ts';
import { NoAnswer } from '../../../src/ops/answer-within.ts';
import { BadFilters } from '../../../src/ops/console/bad-filters.ts';
import { type ListPages, listRoute } from '../../../src/ops/console/list-route.ts';
import { Turns } from '../../../src/ops/console/turns.ts';
import type { ListQuery } from '../../../src/ops/page/links.ts';
import { listing, neverRemoved, stuck, stuckId } from './readings.ts';

function listed(over: Partial<ListPages> = {}) {
  const asked: ListQuery[] = [];
  const pages: ListPages = {
    list: async (query) => {
      asked.push(query);
      return listing;
    },
    probe: {
      explain: async (id) => (id === stuckId ? stuck : null),
      unknown: async (delegationId) => ({
        now: stuck.now,
        delegationId,
        activity: null,
        ...neverRemoved,
        near: [stuckId],
      }),
    },
    turns: new Turns({ runningMax: 1, waitingMax: 1, answerWithinMs: 5_000 }),
    refusalOf: () => null,
    isDefect,
    statuses,
    version: '1.2.3',
    ...over,
  };
  const get = async (query: string) => await listRoute(pages)({ parameter: '', query });
  return { get, asked };
}

describe('the list', () => {
  test('asks for what its query string says, without what is empty, as a form sends it', async () => {
    const { get, asked } = listed();
    expect((await get('status=stuck&callee=a%2Fb+c&caller=&older-than=6h&limit=&after=x')).status).toBe(200);
    expect(asked).toEqual([{ status: 'stuck', callee: 'a/b c', 'older-than': '6h', after: 'x' }]);
  });

  test('links each row to its page, its callee and its caller', async () => {
    const { body } = await listed().get('');
    expect(body).toContain(`<a href="/delegations/${stuckId}"><code>${stuckId}</code></a>`);
    expect(body).toContain('<a href="/delegations?callee=researcher">');
    expect(body).toContain('<a href="/delegations?caller=orchestrator">');
    expect(body).toContain('<b class="stuck">stuck</b>, attempt 2');
    expect(body).toContain('<b class="in_progress">in_progress</b>, waiting');
  });

  test('leads to older ones and back to the newest with its filters', async () => {
    const { body } = await listed().get('callee=a%26b&after=before&limit=12');
    expect(body).toContain('<a href="/delegations?callee=a%26b&amp;limit=12">Newest</a>');
    expect(body).toContain(`<a href="/delegations?callee=a%26b&amp;limit=12&amp;after=${listing.next}">Older</a>`);
  });

  test('has no link to another page where there is none, and says that there is nothing', async () => {
    const { get } = listed({ list: async () => ({ ...listing, rows: [], next: null }) });
    expect((await get('')).body).toContain('<p class="none">None.</p>');
    expect((await get('')).body).not.toContain('class="pager"');
    expect((await get('after=x')).body).toContain('No more.');
  });

  test('fills the form with what was asked for, also with what must not be in markup', async () => {
    const { body } = await listed().get(`status=stuck&callee=${encodeURIComponent(`"><script>'\u202e`)}&limit=7`);
    expect(body).toContain('<option value="stuck" selected>');
    expect(body).toContain('value="&quot;&gt;&lt;script&gt;&#39;\u202e"');
    expect(body).toContain('id="limit" name="limit" value="7"');
  });

  test('refuses an unknown filter and one that is given twice, with all that is accepted, and asks nothing', async () => {
    const { get, asked } = listed();
    const { status, body } = await get('calle=x&limit=1&limit=2&callee=kept');
    expect(status).toBe(400);
    expect(body).toContain(
      '<code>calle</code> is no filter of the list; accepted: status, callee, caller, older-than, limit, after.',
    );
    expect(body).toContain('<code>limit</code> is given more than once; accepted: one value.');
    expect(body).toContain('name="callee" value="kept"');
    expect(asked).toEqual([]);
  });

  test('shows beside each field what is wrong with it', async () => {
    const problems = [{ filter: 'older-than', reason: 'must be a duration' }];
    const { get } = listed({
      list: async (query) => {
        throw new BadFilters(problems, query);
      },
    });
    const { status, body } = await get('older-than=soon&status=odd');
    expect(status).toBe(400);
    expect(body).toContain('value="soon"');
    expect(body).toContain('aria-describedby="older-than-note" aria-invalid="true"');
    expect(body).toContain('id="older-than-note">older-than must be a duration</p>');
    // Kept, so that it can be seen and changed.
    expect(body).toContain('<option value="odd" selected>');
  });

  test('refuses what is not UTF-8', async () => {
    const { status, body } = await listed().get('callee=%ff');
    expect(status).toBe(400);
    expect(body).toContain('is not percent-encoded UTF-8: %ff');
  });

  test('leads to the page of the delegation whose id is asked for, dots and all', async () => {
    const { get } = listed();
    expect((await get(`id=${stuckId}`)).body).toContain(`<h1><span>Delegation <code>${stuckId}</code>`);
    const unknown = await get('id=..');
    expect(unknown.status).toBe(404);
    expect(unknown.body).toContain(`<a href="/delegations/${stuckId}">`);
    expect((await get('id=')).body).toContain('<h1>Delegations</h1>');
  });

  test.each<[string, unknown, string]>([
    [
      'away',
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      'The database could not be read',
    ],
    ['slow', new NoAnswer(3_000), 'The database did not answer in time'],
  ])('answers 503, in words, while the database is %s', async (_, err, title) => {
    const { get } = listed({ list: () => Promise.reject(err) });
    const { status, headers, body } = await get('');
    expect(status).toBe(503);
    expect(headers).toMatchObject({ 'retry-after': '5' });
    expect(body).toContain(`<h1>${title}</h1>`);
  });

  test('says what to do where the database refuses', async () => {
    const err = Object.assign(new Error('permission denied for table delegations'), { code: '42501' });
    const { get } = listed({ list: () => Promise.reject(err), refusalOf: () => ({ remedy: 'run roles.sql' }) });
    expect(await get('')).toMatchObject({
      status: 503,
      body: expect.stringContaining('permission denied for table delegations (42501); run roles.sql.'),
    });
  });

  test.each<[string, unknown]>([
    ['of the program', new TypeError("Cannot read properties of undefined (reading 'rows')")],
    ['of a statement', Object.assign(new Error('syntax error at or near "FORM"'), { code: '42601' })],
  ])('throws a defect %s, so that it is logged', async (_, err) => {
    const { get } = listed({
      list: () => Promise.reject(err),
      probe: { explain: () => Promise.reject(err), unknown: () => Promise.reject(err) },
      refusalOf: () => ({ remedy: 'report it' }),
    });
    await expect(get('')).rejects.toBe(err);
    await expect(get('id=d')).rejects.toBe(err);
  });

  test('throws what fails while it is written', async () => {
    const rows = [{ ...listing.rows[0]!, createdAt: new Date(Number.NaN) }];
    await expect(listed({ list: async () => ({ ...listing, rows }) }).get('')).rejects.toThrow(RangeError);
  });

  test('refuses who comes when too many wait', async () => {
    const { promise, resolve } = Promise.withResolvers<typeof listing>();
    const { get } = listed({ list: () => promise });
    const asked = [get(''), get('')];
    expect(await get('')).toMatchObject({ status: 503, body: expect.stringContaining('1 requests wait already') });
    resolve(listing);
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

test('a page has the same protection as the status page', async () => {
  const { headers, contentType } = await listed().get('');
  expect(contentType).toBe('text/html; charset=utf-8');
  expect(headers).toMatchObject({
    'content-security-policy': expect.stringMatching(
      /^default-src 'none'; style-src 'sha256-[^']+'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
    ),
    'referrer-policy': 'no-referrer',
  });
});
