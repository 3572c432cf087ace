import { beforeAll, describe, expect, test } from '@jest/globals';
import { runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { eventOf, runWebhooks, SECRET, webhookReceiver } from '../support/webhook.ts';

const database = useDatabase({ replayed: false });
const webhook = (args: readonly string[], env: Record<string, string> = {}) =>
  runProgram(['webhook', ...args], { DATABASE_URL: database.url, ...env });

describe('list and replay', () => {
  beforeAll(async () => {
    await using receiver = await webhookReceiver((_, response) => void response.writeHead(410).end());
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    for (const [n, eventId] of [17, 18].entries()) {
      await webhooks.publish(eventOf(eventId, `d-${eventId}`));
      // One after the other: posts of several delegations are sent, and die, in any order.
      await waitFor('its dead letter', async () => (await dead()) === n + 1);
    }
  });
  const dead = async () => {
    const rows = await database.query(`SELECT FROM pgboss.job WHERE name = 'delegation-webhook-dead'`);
    return rows.length;
  };

  test('list names dead letters and what waits, with the reason', async () => {
    const { code, stdout } = await webhook(['list', '--json']);
    expect(code).toBe(0);
    const { rows, ...totals } = JSON.parse(stdout);
    expect(totals).toEqual({ url: null, waiting: 0, oldestMs: null, dead: 2, lastDeliveredAt: null });
    expect(rows).toMatchObject(
      ['18', '17'].map((eventId) => ({
        eventId,
        state: 'dead',
        type: 'delegation.stuck.v1',
        delegationId: `d-${eventId}`,
        events: 1,
        attempts: 1,
        reason: 'status_410',
        nextAttemptAt: null,
      })),
    );
    const words = (await webhook(['list'])).stdout;
    expect(words).toMatch(/^0 waiting; 2 dead; last delivered: none in the last day\.$/m);
    expect(words).toMatch(/^18 +dead +delegation\.stuck\.v1 +d-18 +1 +status_410/m);
  });

  test('replay sends what is named again, exits 1 for what it does not know, and --all sends the rest', async () => {
    const one = await webhook(['replay', '17', '99', '--json']);
    expect(one).toMatchObject({ code: 1 });
    expect(JSON.parse(one.stdout)).toEqual({ replayed: 1, missing: ['99'] });
    const all = await webhook(['replay', '--all']);
    expect(all).toMatchObject({ code: 0, stdout: expect.stringContaining('1 post queued again') });
    expect(await dead()).toBe(0);
    await using receiver = await webhookReceiver();
    await using _webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    await waitFor('both', () => receiver.posts.length === 2);
    expect(receiver.ids().toSorted()).toEqual(['17', '18']);
  });

  test.each([
    [['replay'], /name the events/],
    [['replay', '17', '--all'], /name the events/],
    [['list', '17'], /takes no event ids/],
    [['test', '--limit', '3'], /--limit goes with webhook list/],
    [['send'], /Allowed choices are list, replay, test/],
    [[], /missing required argument 'action'/],
  ])('webhook %j is refused', async (args, message) => {
    const { code, stderr, stdout } = await webhook(args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(message);
  });
});

describe('test', () => {
  const configured = (url: string) => ({
    DATABASE_URL: 'postgresql://nobody.invalid/none',
    WEBHOOK_URL: url,
    WEBHOOK_SECRET: SECRET,
    WEBHOOK_ALLOW_PRIVATE: 'true',
  });

  test('posts one signed event now, without a database, and says what came back', async () => {
    await using receiver = await webhookReceiver(
      (_, response, index) => void response.writeHead(index === 0 ? 204 : 401).end(),
    );
    const good = await webhook(['test'], configured(receiver.url));
    expect(good).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^Delivered to http:\/\/127\.0\.0\.1:\d+\/\*\*\* in .* It answered 204; webhook-id test-/,
      ),
    });
    expect(JSON.parse(receiver.posts[0]!.body)).toMatchObject({ specversion: '1.0', type: 'webhook.test.v1' });
    const bad = await webhook(['test', '--json'], configured(receiver.url));
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.stdout)).toMatchObject({ delivered: false, status: 401, reason: 'status_401' });
    expect(good.stdout + good.stderr + bad.stdout + bad.stderr).not.toContain(SECRET);
  });

  test('says in words what is wrong and what to do', async () => {
    const closed = await webhookReceiver();
    await closed[Symbol.asyncDispose]();
    const { code, stdout } = await webhook(['test'], configured(closed.url));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Not delivered to .*: nobody listens there\.\nWhat to do: check the host and the port/);
  });

  test('needs WEBHOOK_URL', async () => {
    const { code, stderr } = await webhook(['test']);
    expect(code).toBe(78);
    expect(stderr).toContain('set WEBHOOK_URL and WEBHOOK_SECRET');
  });
});
