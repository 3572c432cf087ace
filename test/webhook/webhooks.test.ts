import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { eventTypes } from '../../src/events/event-types.ts';
import { Boss } from '../../src/jobs/boss.ts';
import { Availability } from '../../src/outage/availability.ts';
import { DeadLetters } from '../../src/webhook/dead-letters.ts';
import { ATTEMPTS_MAX, webhookQueueNames } from '../../src/webhook/webhook-queues.ts';
import { webhooksOff } from '../../src/webhook/webhooks-off.ts';
import { capturedLog } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Answering, eventOf, runWebhooks, webhookReceiver } from '../support/webhook.ts';

const database = useDatabase({ per: 'test', replayed: false });
const { webhook, dead, group } = webhookQueueNames('public');

const refusing =
  (status: number): Answering =>
  (_, response) =>
    void response.writeHead(status).end();

interface Job {
  readonly name: string;
  readonly state: string;
  readonly retryCount: number;
  readonly eventId: string;
}
const jobs = (queue: string) =>
  database.query<Job>(
    `SELECT name, state::text, retry_count AS "retryCount", data->>'id' AS "eventId"
     FROM pgboss.job WHERE name = $1 ORDER BY created_on`,
    [queue],
  );
const subscriptions = () =>
  database.query<{ event: string; name: string }>('SELECT event, name FROM pgboss.subscription ORDER BY event, name');

describe('retries', () => {
  test('a receiver that fails three times and then accepts gets the same post each time, with a new timestamp', async () => {
    await using receiver = await webhookReceiver(
      (_, response, index) => void response.writeHead(index < 3 ? 500 : 204).end(),
    );
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    await webhooks.publish(eventOf(1, 'd-1'));
    await waitFor('four attempts', () => receiver.posts.length === 4);
    await waitFor('the end', async () => (await jobs(webhook))[0]?.state === 'completed');
    expect(new Set(receiver.posts.map(({ body }) => body)).size).toBe(1);
    expect(new Set(receiver.posts.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(['1']));
    const timestamps = receiver.posts.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(timestamps.at(-1)).toBeGreaterThan(timestamps[0]!);
    // The first failure is logged, the others within the minute are counted.
    expect(webhooks.events('webhook.failed')).toMatchObject([
      { level: 'warn', eventId: '1', delegationId: 'd-1', attempt: 1, attemptsMax: 8, status: 500, posts: 1 },
    ]);
    expect(await jobs(dead)).toEqual([]);
  });

  test('after eight attempts a post is a dead letter, and the later event of the same delegation goes out', async () => {
    await using receiver = await webhookReceiver(
      ({ body }, response) => void response.writeHead(body.includes('"id":"1"') ? 500 : 204).end(),
    );
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    await webhooks.publish(eventOf(1, 'd-1'));
    await webhooks.publish(eventOf(2, 'd-1', { type: 'delegation.late_result.v1' }));
    await webhooks.publish(eventOf(3, 'd-2'));
    await waitFor('the one behind the dead letter', () => receiver.ids().includes('2'), { timeoutMs: 60_000 });
    // In order for d-1, and d-2 did not wait.
    expect(receiver.ids().filter((id) => id !== '3')).toEqual([...Array(ATTEMPTS_MAX).fill('1'), '2']);
    expect(receiver.ids().indexOf('3')).toBeLessThan(3);
    expect(await jobs(dead)).toMatchObject([{ state: 'created', eventId: '1' }]);
    expect(webhooks.events('webhook.dead')).toMatchObject([
      { level: 'error', eventId: '1', attempt: 8, reason: 'status_500' },
    ]);
  });

  test('410 makes a dead letter at once: the receiver wants no more of it', async () => {
    await using receiver = await webhookReceiver(refusing(410));
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    await webhooks.publish(eventOf(1, 'd-1'));
    await waitFor('the dead letter', async () => (await jobs(dead)).length === 1);
    await waitFor('its original to be removed', async () => (await jobs(webhook)).length === 0);
    expect(receiver.posts).toHaveLength(1);
  });

  test('503 with a Retry-After is not tried again before, and pg-boss counts the attempt', async () => {
    await using receiver = await webhookReceiver(
      (_, response) => void response.writeHead(503, { 'retry-after': '3600' }).end(),
    );
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    await webhooks.publish(eventOf(1, 'd-1'));
    const waiting = async () => {
      const [job] = await database.query<{ state: string; minutes: number }>(
        `SELECT state::text, extract(epoch FROM start_after - now()) / 60 AS minutes FROM pgboss.job WHERE name = $1`,
        [webhook],
      );
      return job?.state === 'retry' && Number(job.minutes) > 50 ? job : null;
    };
    expect(Number((await waitFor('the hour', waiting)).minutes)).toBeLessThanOrEqual(60);
    expect(receiver.posts).toHaveLength(1);
  });

  test("pg-boss's schedule has eight attempts, the last after 16 to 32 hours", async () => {
    await using receiver = await webhookReceiver();
    await using _webhooks = await runWebhooks({
      databaseUrl: database.url,
      url: receiver.url,
      retries: { retryDelay: 450 },
    });
    const [queue] = await database.query<{ limit: number; delay: number; backoff: boolean; max: number | null }>(
      `SELECT retry_limit AS limit, retry_delay AS delay, retry_backoff AS backoff, retry_delay_max AS max
       FROM pgboss.queue WHERE name = $1`,
      [webhook],
    );
    expect(queue).toEqual({ limit: 7, delay: 450, backoff: true, max: null });
    // As pg-boss 12 computes a delay: retry_delay * 2^(n-1) to twice that.
    const least = Array.from({ length: 7 }, (_, n) => 450 * 2 ** n).reduce((sum, delay) => sum + delay);
    expect(least / 3600).toBeCloseTo(15.9, 1);
    expect((2 * least) / 3600).toBeLessThan(32);
  });
});

describe('the queues', () => {
  test('a queue that is there with other options is corrected, and two daemons at once set up one', async () => {
    await using receiver = await webhookReceiver();
    await using first = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    await first.boss.pgBoss.updateQueue(webhook, { retryLimit: 1, retryBackoff: false, deadLetter: null });
    await using _second = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    const [queue] = await database.query(
      'SELECT policy, retry_limit, retry_backoff, dead_letter FROM pgboss.queue WHERE name = $1',
      [webhook],
    );
    expect(queue).toEqual({ policy: 'key_strict_fifo', retry_limit: 7, retry_backoff: true, dead_letter: dead });
    expect(await subscriptions()).toEqual(eventTypes.toSorted().map((event) => ({ event, name: webhook })));
    for (let id = 1; id <= 20; id += 1) await first.publish(eventOf(id, `d-${id}`));
    await waitFor('all of them', () => receiver.posts.length >= 20);
    await waitFor('their end', async () => (await jobs(webhook)).every(({ state }) => state === 'completed'));
    // Each by one of the two.
    expect(
      receiver
        .ids()
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  });

  test('without WEBHOOK_URL a daemon ends the subscriptions, and says so once', async () => {
    await using receiver = await webhookReceiver();
    // A daemon that has the URL, and looks after its subscriptions only much later.
    await using webhooks = await runWebhooks({
      databaseUrl: database.url,
      url: receiver.url,
      upkeepEveryMs: 3_600_000,
    });
    await webhooks.boss.pgBoss.createQueue('somebody-else');
    await webhooks.boss.pgBoss.subscribe('delegation.stuck.v1', 'somebody-else');
    const { log, events } = capturedLog();
    for (let daemon = 0; daemon < 2; daemon += 1) {
      const off = webhooksOff(webhooks.boss, log, new Availability(log), {
        dbSchema: 'public',
        pgbossSchema: 'pgboss',
      });
      await off.start();
      await waitFor('the end of the subscriptions', async () => (await subscriptions()).length === 1);
      await off.stop();
    }
    expect(await subscriptions()).toEqual([{ event: 'delegation.stuck.v1', name: 'somebody-else' }]);
    expect(events('webhook.stopped')).toMatchObject([{ eventTypes: 5 }]);
  });

  test('subscriptions that somebody removed are there again within seconds', async () => {
    await using receiver = await webhookReceiver();
    await using _webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    await database.query('DELETE FROM pgboss.subscription');
    await waitFor('the subscriptions', async () => (await subscriptions()).length === eventTypes.length);
  });

  test("of ledgers that share pg-boss's schema, each posts its own events alone", async () => {
    await using ours = await webhookReceiver();
    await using theirs = await webhookReceiver();
    await using one = await runWebhooks({ databaseUrl: database.url, url: ours.url });
    await using _other = await runWebhooks({ databaseUrl: database.url, url: theirs.url, dbSchema: 'Team "B"' });
    await one.publish(eventOf(1, 'd-1'));
    await one.publish(eventOf(2, 'd-2', { source: '/delegation-sweeper/test/Team%20%22B%22' }));
    await waitFor('both', () => ours.posts.length + theirs.posts.length === 2);
    await waitFor(
      'all jobs',
      async () => (await database.query(`SELECT FROM pgboss.job WHERE state <> 'completed'`)).length === 0,
    );
    expect([ours.ids(), theirs.ids()]).toEqual([['1'], ['2']]);
  });

  test('what is no event becomes a dead letter and stops nothing', async () => {
    await using receiver = await webhookReceiver();
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    await webhooks.boss.pgBoss.send(webhook, { hello: 'world' }, { singletonKey: 'd-1' });
    await webhooks.publish(eventOf(2, 'd-1'));
    await waitFor('the event behind it', () => receiver.ids().includes('2'));
    expect(await jobs(dead)).toHaveLength(1);
  });
});

describe('a receiver that stalls', () => {
  test('holds up no other post than those that wait for it, and at the stop the others are given back uncounted', async () => {
    const stalled = Promise.withResolvers<void>();
    await using receiver = await webhookReceiver(({ body }, response) => {
      if (body.includes('stalls')) return void stalled.resolve();
      response.writeHead(204).end();
    });
    const webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url, timeoutMs: 2_000 });
    // More than are posted at once: the seventeenth waits for one that gives up.
    for (let id = 1; id <= 17; id += 1) await webhooks.publish(eventOf(id, `stalls-${id}`));
    await stalled.promise;
    await waitFor('sixteen at once', () => receiver.posts.length === 16);
    await webhooks.stop();
    const left = await jobs(webhook);
    expect(left.map(({ state }) => state).toSorted()).toEqual(['created', ...Array(16).fill('retry')]);
    expect(left.every(({ retryCount }) => retryCount === 0)).toBe(true);
    await using other = await webhookReceiver();
    await using _next = await runWebhooks({ databaseUrl: database.url, url: other.url });
    await waitFor('all of them', () => other.posts.length === 17);
  });
});

describe('WEBHOOK_GROUP_BY=callee', () => {
  test('what a sweep marked of one callee is one post, whose id and events stay in each attempt; in order per callee', async () => {
    await using receiver = await webhookReceiver(
      (_, response, index) => void response.writeHead(index === 0 ? 500 : 204).end(),
    );
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url, groupBy: 'callee' });
    const { pgBoss } = webhooks.boss;
    const marks = [1, 2, 3].map((id) => eventOf(id, `d-${id}`));
    const late = eventOf(4, 'd-1', { type: 'delegation.late_result.v1', data: { calleeId: 'coder' } });
    const held = eventOf('s-1:held', 'x', { type: 'sweep.held.v1', data: { sweepId: 's-1' } });
    const others = [eventOf(5, 'd-5', { data: { sweepId: 's-1', calleeId: 'writer' } })];
    await pgBoss.insert(
      group,
      [...marks, ...others, held].map((data) => ({ data, singletonKey: data.subject! })),
    );
    // In a transaction of its own, as it happens.
    await pgBoss.insert(group, [{ data: late, singletonKey: late.subject! }]);
    await waitFor('all events', () => new Set(receiver.ids()).size === 6);
    const posts = receiver.posts.map(({ headers, body }) => ({
      id: headers['webhook-id'],
      type: headers['content-type'],
      events: [JSON.parse(body)].flat().map(({ id }: { id: string }) => id),
    }));
    const batch = 'application/cloudevents-batch+json';
    const single = 'application/cloudevents+json';
    const coder = posts.filter(({ events }) => events.some((id) => ['1', '4'].includes(id)));
    expect(coder.at(-1)).toEqual({ id: '4', type: single, events: ['4'] });
    for (const post of coder.slice(0, -1)) expect(post).toEqual({ id: '1+2', type: batch, events: ['1', '2', '3'] });
    expect(posts).toContainEqual({ id: '5+0', type: batch, events: ['5'] });
    expect(posts).toContainEqual({ id: 's-1:held', type: single, events: ['s-1:held'] });
    // 1+2, 5+0, 4 and the hold, one of them twice.
    expect(posts).toHaveLength(5);
    expect(await subscriptions()).toEqual(eventTypes.toSorted().map((event) => ({ event, name: group })));
  });

  test('a group has a hundred events at most, and what was to be grouped goes out also when that is turned off', async () => {
    await using receiver = await webhookReceiver();
    const first = await runWebhooks({ databaseUrl: database.url, url: receiver.url, groupBy: 'callee' });
    await first.stop();
    const boss = new Boss(first.log, new Availability(first.log), {
      connection: { location: { url: database.url }, max: 2, applicationName: 'test', queryTimeoutMs: 60_000 },
      pgbossSchema: 'pgboss',
      stopWithinMs: 5_000,
    });
    await boss.start();
    const all = Array.from({ length: 250 }, (_, n) => eventOf(n + 1, `d-${n + 1}`));
    await boss.pgBoss.insert(
      group,
      all.map((data) => ({ data, singletonKey: data.subject! })),
    );
    await boss.stop();
    await using _second = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    await waitFor('all events', () => receiver.ids().length === 250);
    expect(receiver.posts.map(({ body }) => JSON.parse(body).length)).toEqual([100, 100, 50]);
    expect(receiver.ids()).toEqual(all.map(({ id }) => id));
    expect(await subscriptions()).toEqual(eventTypes.toSorted().map((event) => ({ event, name: webhook })));
  });

  test('an event that cannot be grouped holds up no other for good: it is a dead letter, and can be sent again', async () => {
    await using receiver = await webhookReceiver();
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url, groupBy: 'callee' });
    const { pgBoss } = webhooks.boss;
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$`);
    await database.query(
      `CREATE TRIGGER refuse BEFORE INSERT ON pgboss.job FOR EACH ROW WHEN (NEW.name = '${webhook}') EXECUTE FUNCTION refuse()`,
    );
    await pgBoss.insert(group, [{ data: eventOf(1, 'd-1'), singletonKey: 'd-1', retryLimit: 0 }]);
    await waitFor('a dead letter', async () => (await jobs(dead)).length === 1);
    await waitFor('its original to be removed', async () => (await jobs(group)).length === 0);
    await database.query('DROP TRIGGER refuse ON pgboss.job');
    await pgBoss.insert(group, [{ data: eventOf(2, 'd-1'), singletonKey: 'd-1' }]);
    await waitFor('the later event', () => receiver.ids().includes('2'));
    const deadLetters = new DeadLetters(pgBoss, { dbSchema: 'public', pgbossSchema: 'pgboss' });
    expect(await deadLetters.replayAll()).toBe(1);
    await waitFor('the replayed one', () => receiver.ids().includes('1'));
  });

  test('an event with an empty subject is none, and keeps no other from being posted', async () => {
    await using receiver = await webhookReceiver();
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url, groupBy: 'callee' });
    await webhooks.boss.pgBoss.insert(group, [
      { data: eventOf(1, '', { data: {} }), singletonKey: 'x' },
      { data: eventOf(2, 'd-2'), singletonKey: 'd-2' },
    ]);
    await waitFor('the other', () => receiver.ids().includes('2'));
    expect(receiver.ids()).toEqual(['2']);
  });

  test('no worker polls for itself: one statement finds the queues that have a job', async () => {
    await using receiver = await webhookReceiver();
    await using webhooks = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
    const polls = () =>
      webhooks.boss.pgBoss.getWipData().map(({ name, options }) => `${name} ${options.pollingIntervalSeconds}`);
    await waitFor('both workers', () => polls().length === 2);
    expect(polls().toSorted()).toEqual([`${webhook} 3600`, `${group} 3600`]);
  });
});

test('the SQL of docs/webhooks.md ends the subscriptions of a ledger whose schema had another name, and removes its queue', async () => {
  await using receiver = await webhookReceiver();
  const old = await runWebhooks({ databaseUrl: database.url, url: receiver.url, dbSchema: 'agents' });
  await old.stop();
  await using _now = await runWebhooks({ databaseUrl: database.url, url: receiver.url });
  const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
  expect((await subscriptions()).length).toBe(2 * eventTypes.length);
  const [, unsubscribing] = /```sql\n(.*?)```/s.exec(page)!;
  await database.query(unsubscribing!);
  expect(await subscriptions()).toEqual(eventTypes.toSorted().map((event) => ({ event, name: webhook })));
  const [, deleting] = /`(SELECT pgboss\.delete_queue[^`]+)`/.exec(page)!;
  await database.query(deleting!);
  expect(await database.query(`SELECT FROM pgboss.queue WHERE name = 'delegation-webhook.agents'`)).toEqual([]);
});
