import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { statuses } from '../../src/ledger/transitions.ts';
import type { OpsRequest } from '../../src/ops/answer.ts';
import { BadFilters } from '../../src/ops/console/bad-filters.ts';
import { delegationRoute } from '../../src/ops/console/delegation-route.ts';
import { listRoute } from '../../src/ops/console/list-route.ts';
import type { ListedDelegation } from '../../src/ops/console/listed.ts';
import { Turns } from '../../src/ops/console/turns.ts';
import { ledgersPage } from '../../src/ops/ledgers/ledgers-page.ts';
import { ofLedger } from '../../src/ops/ledgers/of-ledger.ts';
import { OpsServer } from '../../src/ops/ops-server.ts';
import { pageAnswer } from '../../src/ops/page/layout.ts';
import type { ListQuery } from '../../src/ops/page/links.ts';
import { Router } from '../../src/ops/router.ts';
import { listing, neverRemoved, silent, stuck, stuckId } from '../ops/console/readings.ts';
import { capturedLog } from '../support/fixtures.ts';
import { accessibilityFindings, desktop, launchChromium, overflow, phone, picture, visit } from './chromium.ts';

const silentId = 'a/b ?#%2e "silent"';
const hostileText = `</p></style><script>document.title = 1</script><img src=x onerror=alert(1)> \u202e ${'🙂'.repeat(1_024)}`;
const previews = { task: hostileText, result: hostileText, errorDetail: hostileText };

let browser: Browser;
let server: OpsServer;
beforeAll(async () => {
  const pages = {
    list: async (query: ListQuery) => {
      if (query['older-than']) throw new BadFilters([{ filter: 'older-than', reason: 'must be a duration' }], query);
      const { status, callee } = query;
      const isAsked = (row: ListedDelegation) =>
        row.status === (status ?? row.status) && row.calleeId === (callee ?? row.calleeId);
      return { ...listing, rows: listing.rows.filter(isAsked) };
    },
    probe: {
      explain: async (id: string) => {
        if (id === stuckId) return stuck;
        if (id === 'hostile') return { ...stuck, delegation: { ...stuck.delegation, previews } };
        return id === silentId ? { ...silent, delegation: { ...silent.delegation, delegationId: id } } : null;
      },
      unknown: async (delegationId: string) => ({
        now: stuck.now,
        delegationId,
        activity: stuck.timeline,
        ...neverRemoved,
        near: [stuckId],
      }),
    },
    turns: new Turns({ runningMax: 1, waitingMax: 9, answerWithinMs: 5_000 }),
    refusalOf: () => null,
    isDefect: () => false,
    statuses,
    version: '0.1.0',
  };
  const ofOne = { '/delegations': listRoute(pages), '/delegations/{id}': delegationRoute(pages) };
  const ready = { ready: true, reasons: [], sweptAt: new Date(stuck.now), nextAt: null };
  const detail = 'the last completed sweep began 12 min ago, which is more than three occurrences of SWEEP_CRON';
  const late = { ...ready, ready: false, reasons: [{ reason: 'not_sweeping' as const, detail }] };
  const ledgers = [
    { name: 'eu', readiness: ready, census: null },
    { name: 'a_ledger_whose_name_is_as_long_as_postgresql_allows_one_to_be_63', readiness: late, census: null },
  ];
  const router = new Router(ofOne);
  const routes = {
    ...ofOne,
    '/': async () => pageAnswer(200, ledgersPage(ledgers, '0.1.0'), {}),
    '/ledgers/{id}': (request: OpsRequest) => ofLedger(request, (ledger) => (ledger === 'eu' ? router : null)),
  };
  server = new OpsServer(capturedLog().log, { host: '127.0.0.1', port: 0, routes });
  await server.start();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const at = (path: string) => `http://127.0.0.1:${server.port}${path}`;

const pages = [
  ['list', '/delegations?callee=browser-agent'],
  ['bad-filter', '/delegations?older-than=soon&calle=x'],
  ['stuck', `/delegations/${stuckId}`],
  ['silent', `/delegations/${encodeURIComponent(silentId)}`],
  ['unknown', '/delegations/unknown'],
  ['hostile', '/delegations/hostile'],
  ['malformed', '/delegations/%ff'],
  ['ledgers', '/'],
  ['list of a ledger', '/ledgers/eu/delegations?callee=browser-agent'],
] as const;

const looks = [
  ['light', { ...desktop, colorScheme: 'light' as const }],
  ['dark', { ...desktop, colorScheme: 'dark' as const }],
  ['phone', { ...phone, colorScheme: 'light' as const }],
  ['phone, dark', { ...phone, colorScheme: 'dark' as const }],
] as const;

describe.each(pages)('the page %s', (name, path) => {
  test.each(looks)('%s: within the width, accessible, without a script or another request', async (look, options) => {
    await using visited = await visit(browser, at(path), options);
    const { page, complaints, requests } = visited;
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await accessibilityFindings(page)).toEqual([]);
    expect(await page.locator('script, img, iframe, object').count()).toBe(0);
    expect(requests.filter((request) => !request.startsWith('data:'))).toEqual([at(path)]);
    // A browser says so of every answer that is no success.
    expect(complaints.filter((text) => !/status of 40[04]/.test(text))).toEqual([]);
    if ((name === 'list' || name === 'stuck') && !look.includes('phone')) {
      await picture(page, `${name === 'list' ? 'delegations' : 'delegation'}-${look}`, name !== 'stuck');
    }
  });
});

/** What has the focus, as it is read out. */
const focused = (page: Page): Promise<string> =>
  page.evaluate('(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()');

describe('by keyboard', () => {
  test('the first stop skips to the content, the next ones are in the order of the page, each one visibly reached', async () => {
    await using visited = await visit(browser, at('/delegations?after=x&callee=browser-agent'), desktop);
    const { page } = visited;
    const stops: string[] = [];
    for (let i = 0; i < 13; i += 1) {
      await page.keyboard.press('Tab');
      stops.push(await focused(page));
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).not.toBe('none');
    }
    expect(stops).toEqual([
      'Skip to the content',
      'Status',
      'Delegations',
      'Status',
      'Callee',
      'Caller',
      'Older than',
      'Rows',
      'Show',
      'Clear the filters',
      'Delegation id',
      'Explain',
      listing.rows[0]!.delegationId,
    ]);
  });

  test('skipping leads to the content', async () => {
    await using visited = await visit(browser, at('/delegations'), desktop);
    const { page } = visited;
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Status');
    expect(await page.evaluate('document.activeElement.tagName')).toBe('SELECT');
  });

  test('the form is filled in and sent', async () => {
    await using visited = await visit(browser, at('/delegations'), desktop);
    const { page } = visited;
    await page.getByLabel('Status').selectOption('stuck');
    await page.getByLabel('Callee').fill(`a&b=c+d "e"`);
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.search !== '');
    expect(new URL(page.url()).searchParams.get('callee')).toBe(`a&b=c+d "e"`);
    expect(await page.getByLabel('Callee').inputValue()).toBe(`a&b=c+d "e"`);
    expect(await page.getByLabel('Status').inputValue()).toBe('stuck');
  });
});

describe('to a screen reader', () => {
  test('the list is a table with a caption, headers and rows, also on a phone', async () => {
    for (const options of [desktop, phone]) {
      await using visited = await visit(browser, at('/delegations'), options);
      const { page } = visited;
      const table = page.getByRole('table', { name: '12 delegations, newest first' });
      expect(await table.getByRole('row').count()).toBe(13);
      expect(await table.getByRole('columnheader').allTextContents()).toContain('Callee');
      expect(await table.getByRole('rowheader').count()).toBe(12);
      expect(await page.getByRole('navigation', { name: 'Pages of the list' }).count()).toBe(1);
      expect(await page.getByRole('main').count()).toBe(1);
    }
  });

  test('each instant is there for programs, too, and a field says what is wrong with it', async () => {
    await using visited = await visit(browser, at('/delegations?older-than=soon'), desktop);
    const field = visited.page.getByLabel('Older than');
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    const described = await field.getAttribute('aria-describedby');
    expect(await visited.page.locator(`#${described}`).innerText()).toBe('older-than must be a duration');
    await visited.page.goto(at(`/delegations/${stuckId}`));
    const instants: string[] = await visited.page.evaluate(
      '[...document.querySelectorAll("time")].map((time) => time.dateTime)',
    );
    expect(instants.length).toBeGreaterThan(10);
    expect(instants.every((instant) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(instant))).toBe(true);
  });
});

test('an id that is hard to write in an address is reached from its link', async () => {
  await using visited = await visit(browser, at('/delegations'), desktop);
  await visited.page.getByLabel('Delegation id').fill(silentId);
  await visited.page.getByRole('button', { name: 'Explain' }).click();
  expect(await visited.page.locator('h1').innerText()).toBe(`Delegation ${silentId}`);
});

test('on paper there are no forms and no navigation, in black on white, also from a dark screen', async () => {
  await using visited = await visit(browser, at(`/delegations/${stuckId}`), { ...desktop, colorScheme: 'dark' });
  const { page } = visited;
  await page.emulateMedia({ media: 'print' });
  expect(await page.locator('nav').first().isVisible()).toBe(false);
  expect(await page.getByText('How it ended').isVisible()).toBe(true);
  expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
  expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(0, 0, 0)');
});
