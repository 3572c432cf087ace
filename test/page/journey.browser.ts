import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type RunningOps, startOps } from '../ops/running-ops.ts';
import { testLedger, testSweeper } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { desktop, launchChromium, phone, visit } from './chromium.ts';

let browser: Browser;
let ops: RunningOps;
// Before the database's own, which Jest runs in the order of their definition: the database is dropped last.
afterAll(async () => {
  await browser?.close();
  await ops?.[Symbol.asyncDispose]();
});

const database = useDatabase();
const delegationId = 'price/of a ticket?';

beforeAll(async () => {
  browser = await launchChromium();
  const { ledger } = testLedger(database.db);
  await ledger.insertMany(
    ['one', 'two', 'three'].map((name) => ({
      delegationId: name,
      callerId: 'planner',
      calleeId: 'coder',
      taskPreview: name,
    })),
  );
  await ledger.insert({ delegationId, callerId: 'planner', calleeId: 'browser-agent', taskPreview: 'secret-task' });
  await ledger.setStatus(delegationId, 'in_progress', { actor: 'browser-agent' });
  await ledger.heartbeat(delegationId, { progress: 'page 3 of 12' });
  // Its agent dies, and a quarter of an hour passes.
  await database.query(
    `UPDATE delegations SET last_heartbeat = clock_timestamp() - interval '15 minutes' WHERE delegation_id = $1`,
    [delegationId],
  );
  await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
  // It was not dead after all.
  await ledger.setStatus(delegationId, 'completed', { resultPreview: 'secret-result', actor: 'browser-agent' });
  ops = await startOps(database.url);
});

describe.each([
  ['on a desktop', { ...desktop, javaScriptEnabled: false }],
  ['on a phone', { ...phone, javaScriptEnabled: false }],
])('%s, without scripts', (_, options) => {
  test('a person finds out why a delegation of an agent is stuck, from the status page by its links', async () => {
    await using visited = await visit(browser, `http://127.0.0.1:${ops.port}/`, options);
    const { page, complaints } = visited;
    const follow = async (name: string) => {
      await page.getByRole('link', { name, exact: true }).first().click();
    };

    await page.getByRole('heading', { name: 'Callees with most stuck, last day' }).waitFor();
    await follow('browser-agent');
    await page.getByRole('heading', { name: 'All, of callee browser-agent' }).waitFor();
    await follow(delegationId);
    await page.getByRole('heading', { name: `Delegation ${delegationId}` }).waitFor();

    const text = await page.locator('main').innerText();
    // The sentence, the arithmetic, the timeline, the late result.
    expect(text).toMatch(/not heard for 15 min.* and 10 min was allowed/);
    expect(text).toMatch(/Allowed\s+10 min/);
    expect(text).toMatch(/Too long by\s+5 min/);
    expect(text).toContain('in_progress → stuck');
    expect(text).toMatch(/late result/);
    const late = page.getByRole('table', { name: 'Results that came after it had ended, and are kept' });
    expect(await late.getByRole('row').count()).toBe(2);
    expect(text).not.toContain('secret-');

    // And back, to all that its caller has given to others.
    await follow('planner');
    await page.getByRole('heading', { name: 'All, of caller planner' }).waitFor();
    expect(await page.getByRole('table').getByRole('row').count()).toBe(5);
    await follow('Status');
    await page.getByRole('heading', { name: 'Latest marks' }).waitFor();
    await follow(delegationId);
    expect(await page.locator('h1').innerText()).toContain(delegationId);
    expect(complaints).toEqual([]);
  });
});
