import type http from 'node:http';
import { Boss } from '../../src/jobs/boss.ts';
import { Availability } from '../../src/outage/availability.ts';
import type { WebhookEvent } from '../../src/webhook/webhook-event.ts';
import { Webhooks, type WebhooksOptions } from '../../src/webhook/webhooks.ts';
import { webServer } from './a2a/web-server.ts';
import { capturedLog } from './fixtures.ts';

/** A secret whose key is this byte, repeated. */
export function secretOf(byte: number): string {
  return `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
}

export const SECRET = secretOf(7);

/** An event as a sweep publishes one. */
export function eventOf(id: number | string, subject: string, changed: Partial<WebhookEvent> = {}): WebhookEvent {
  return {
    id: String(id),
    type: 'delegation.stuck.v1',
    source: '/delegation-sweeper/test/public',
    subject,
    data: { sweepId: 's-1', calleeId: 'coder' },
    ...changed,
  };
}

export interface ReceivedPost {
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Answers a post that was read whole; default: 204. */
export type Answering = (post: ReceivedPost, response: http.ServerResponse, index: number) => void;

/** A receiver on loopback. */
export async function webhookReceiver(answer: Answering = (_, response) => void response.writeHead(204).end()) {
  const posts: ReceivedPost[] = [];
  const server = await webServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const post = { headers: request.headers, body };
      posts.push(post);
      answer(post, response, posts.length - 1);
    });
  });
  return {
    url: `${server.origin}/hook`,
    posts,
    /** The ids of the events received so far, in their order. */
    ids: () => posts.flatMap(({ body }) => [JSON.parse(body)].flat().map(({ id }: WebhookEvent) => id)),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export type RunningOptions = Partial<WebhooksOptions> & { readonly databaseUrl: string; readonly url: string };

/** pg-boss and webhooks as the daemon runs them, with attempts that follow one another at once. */
export async function runWebhooks({ databaseUrl, ...options }: RunningOptions) {
  const capture = capturedLog();
  const { log } = capture;
  const boss = new Boss(log, new Availability(log), {
    connection: { location: { url: databaseUrl }, max: 2, applicationName: 'webhooks', queryTimeoutMs: 60_000 },
    pgbossSchema: 'pgboss',
    stopWithinMs: 5_000,
  });
  await boss.start();
  const webhooks = new Webhooks(boss, log, new Availability(log), {
    secrets: { secrets: [SECRET] },
    allowPrivate: true,
    userAgent: 'test',
    dbSchema: 'public',
    pgbossSchema: 'pgboss',
    groupBy: null,
    retries: { retryDelay: 1, retryDelayMax: 1 },
    upkeepEveryMs: 100,
    ...options,
  });
  await webhooks.start();
  const stop = async () => {
    await webhooks.stop();
    await boss.stop();
  };
  return {
    ...capture,
    boss,
    stop,
    /** As a sweep tells it. */
    publish: (event: WebhookEvent) =>
      boss.pgBoss.publish(event.type, event, { singletonKey: event.subject ?? 'sweep' }),
    [Symbol.asyncDispose]: stop,
  };
}
