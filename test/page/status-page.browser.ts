import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { OpsServer } from '../../src/ops/ops-server.ts';
import { pageRoute } from '../../src/ops/page/page-route.ts';
import type { Status } from '../../src/sweeper/status/status.ts';
import { advice, census, history, now, status, undelivered } from '../ops/page-readings.ts';
import { capturedLog } from '../support/fixtures.ts';
import { accessibilityFindings, desktop, launchChromium, visit as open, overflow, phone, picture } from './chromium.ts';

const held: Status = {
  ...status,
  storm: { state: 'held', since: now, until: new Date(now.getTime() + 720_000) },
  oldest: { silenceMs: 941_000, allowedMs: 600_000, overdueMs: 0 },
};
const stormy = { ...census, silence: [912, 260, 101, 44, 20, 11, 6, 4, 2, 1, 2_541] };

let browser: Browser;
let calm: OpsServer;
let storm: OpsServer;
beforeAll(async () => {
  calm = await serve(status, census);
  storm = await serve(held, stormy);
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await calm?.stop();
  await storm?.stop();
});

async function serve(reading: Status, counted: typeof census): Promise<OpsServer> {
  const probes = {
    status: async () => reading,
    census: async () => counted,
    history: async () => history,
    advice: async () => advice,
    undelivered: async () => undelivered,
    version: '0.1.0',
    refusalOf: () => null,
  };
  const server = new OpsServer(capturedLog().log, { host: '127.0.0.1', port: 0, routes: { '/': pageRoute(probes) } });
  await server.start();
  return server;
}

async function visit(server: OpsServer, options: BrowserContextOptions) {
  const url = `http://127.0.0.1:${server.port}/`;
  return { ...(await open(browser, url, options)), url };
}

const ground = (page: Page) => page.evaluate('getComputedStyle(document.body).backgroundColor');

describe('the status page in a browser', () => {
  test.each([
    ['light', { ...desktop, colorScheme: 'light' as const }, 'rgb(246, 245, 242)'],
    ['dark', { ...desktop, colorScheme: 'dark' as const }, 'rgb(20, 23, 26)'],
    ['phone', { ...phone, colorScheme: 'light' as const }, 'rgb(246, 245, 242)'],
  ])('%s: styled, within the width, without an error or another request', async (name, options, color) => {
    await using visited = await visit(calm, options);
    const { page, complaints, requests, url } = visited;
    expect(await ground(page)).toBe(color);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await accessibilityFindings(page)).toEqual([]);
    expect(await page.title()).toBe('Sweeping · delegation-sweeper');
    expect(requests.filter((request) => !request.startsWith('data:'))).toEqual([url]);
    expect(complaints).toEqual([]);
    await picture(page, `status-page-${name}`, name !== 'phone');
  });

  test('needs no scripts: it looks the same without them', async () => {
    await using visited = await visit(calm, { ...desktop, javaScriptEnabled: false });
    const text = await visited.page.locator('main').innerText();
    for (const part of ['Sweeping', 'In progress', '3,902', 'Latest marks', 'Callees with most stuck', '1.8%']) {
      expect(text).toContain(part);
    }
    expect(visited.complaints).toEqual([]);
  });

  test('shows a storm, and until when', async () => {
    await using visited = await visit(storm, { ...desktop, colorScheme: 'light' });
    expect(await visited.page.locator('.verdict').innerText()).toContain('until 12:15 UTC');
    await picture(visited.page, 'status-page-storm', false);
  });

  test('shows a hostile id as the text that it is', async () => {
    await using visited = await visit(calm, desktop);
    const { page, complaints } = visited;
    expect(await page.locator('img, script, iframe, object, form').count()).toBe(0);
    const ids = await page.locator('.callees code').allInnerTexts();
    expect(ids.at(-1)).toBe('"><img src=x onerror=alert(1)>');
    expect(complaints).toEqual([]);
  });

  test('is protected by its policy: markup that got in runs nothing and sends nothing', async () => {
    let reached = 0;
    const elsewhere = createServer((_, response) => {
      reached += 1;
      response.end();
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    try {
      await using visited = await visit(calm, desktop);
      const { page, complaints } = visited;
      const address = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
      await page.evaluate(`document.body.insertAdjacentHTML('beforeend',
        '<img src="${address}/leak" onerror="document.title = 1"><p id="p" style="color: red">x</p><iframe src="${address}/"></iframe>')`);
      await page.waitForFunction('document.querySelector("img").complete');
      expect(await page.title()).toBe('Sweeping · delegation-sweeper');
      expect(await page.evaluate('getComputedStyle(document.querySelector("#p")).color')).not.toBe('rgb(255, 0, 0)');
      expect(complaints.some((text) => /Content Security Policy/.test(text))).toBe(true);
      expect(reached).toBe(0);
    } finally {
      elsewhere.close();
    }
  });

  test('every bar can be pointed at, and says what it is', async () => {
    await using visited = await visit(calm, desktop);
    const titles = await visited.page.locator('svg g > title').allTextContents();
    expect(titles.some((title) => /\d\d:\d\d to \d\d:\d\d UTC: \d+ stuck, \d+ failed/.test(title))).toBe(true);
    expect(titles).toContain('10 min or more, past the threshold: 0');
    const named = await visited.page.evaluate(
      '[...document.querySelectorAll("svg[role=img]")].map((svg) => svg.getAttribute("aria-label"))',
    );
    expect(named).toHaveLength(3);
  });
});
