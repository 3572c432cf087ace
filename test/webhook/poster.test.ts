import { mkdtempDisposableSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { envelopeOfEvent } from '../../src/webhook/envelope.ts';
import { Poster, type PosterOptions } from '../../src/webhook/poster.ts';
import { retryAfterMs } from '../../src/webhook/retry-after.ts';
import { type SecretSource, SigningSecrets } from '../../src/webhook/signing-secrets.ts';
import { webServer } from '../support/a2a/web-server.ts';
import { capturedLog } from '../support/fixtures.ts';
import { eventOf, SECRET, secretOf, webhookReceiver } from '../support/webhook.ts';

const event = eventOf(17, 'd-1');

function posterOf(url: string, options: Partial<PosterOptions> & { readonly source?: SecretSource } = {}) {
  const { source = { secrets: [SECRET] }, ...rest } = options;
  const { log, events, lines } = capturedLog();
  const secrets = new SigningSecrets(source, log);
  const poster = new Poster(secrets, { url, allowPrivate: true, userAgent: 'delegation-sweeper/test', ...rest });
  return { post: () => poster.post(envelopeOfEvent(event)), events, lines };
}

/** What came of a post to a server that answers so. */
async function outcomeOf(handler: http.RequestListener, options: Partial<PosterOptions> = {}) {
  await using server = await webServer((request, response) => {
    request.resume();
    handler(request, response);
  });
  const { tookMs, ...outcome } = await posterOf(server.origin, options).post();
  expect(tookMs).toBeGreaterThanOrEqual(0);
  return outcome;
}

const nothing = { delivered: false, status: null, isGone: false, retryAfterMs: null };

test('a post is a CloudEvent as structured JSON, with the headers of Standard Webhooks, signed', async () => {
  await using receiver = await webhookReceiver();
  const before = Math.floor(Date.now() / 1000);
  expect(await posterOf(receiver.url).post()).toMatchObject({ delivered: true, status: 204, reason: null });
  const [{ headers, body }] = receiver.posts as [(typeof receiver.posts)[number]];
  expect(headers).toMatchObject({
    'content-type': 'application/cloudevents+json',
    'user-agent': 'delegation-sweeper/test',
    'webhook-id': '17',
  });
  expect(Number(headers['webhook-timestamp'])).toBeGreaterThanOrEqual(before);
  expect(Number(headers['webhook-timestamp'])).toBeLessThanOrEqual(Date.now() / 1000);
  expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toEqual(event);
  expect(() => new Webhook(secretOf(8)).verify(body, headers as Record<string, string>)).toThrow();
});

describe('an answer', () => {
  test.each<[string, http.RequestListener, object]>([
    ['200', (_, res) => void res.end('thanks'), { delivered: true, status: 200, reason: null }],
    ['500', (_, res) => void res.writeHead(500).end('s3cret'), { status: 500, reason: 'status_500' }],
    ['410', (_, res) => void res.writeHead(410).end(), { status: 410, reason: 'status_410', isGone: true }],
    [
      '429 that names a time',
      (_, res) => void res.writeHead(429, { 'retry-after': '120' }).end(),
      { status: 429, reason: 'status_429', retryAfterMs: 120_000 },
    ],
    [
      '500 that names a time, which is not asked for there',
      (_, res) => void res.writeHead(500, { 'retry-after': '120' }).end(),
      { status: 500, reason: 'status_500' },
    ],
    [
      'more than a bound is not read, and what it says counts',
      (_, res) => {
        res.writeHead(200);
        const timer = setInterval(() => res.write('x'.repeat(65_536)), 1);
        res.on('close', () => clearInterval(timer));
      },
      { delivered: true, status: 200, reason: null },
    ],
    ['no answer: the connection is closed', (req) => void req.socket.destroy(), { reason: 'connection' }],
    [
      'one that breaks off in the middle is none',
      (_, res) => {
        res.writeHead(200, { 'content-length': '100' }).write('half');
        setImmediate(() => res.socket!.destroy());
      },
      { reason: 'connection' },
    ],
  ])('%s', async (_, handler, expected) => {
    expect(await outcomeOf(handler)).toEqual({ ...nothing, reason: null, ...expected });
  });

  test.each<[string, (response: http.ServerResponse) => void]>([
    ['never comes', () => {}],
    [
      'comes byte by byte, each one in time',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' });
        const timer = setInterval(() => response.write('x'), 20);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ])('that %s is given up when the time for all of it is over', async (_, answer) => {
    const outcome = await outcomeOf((_, response) => answer(response), { timeoutMs: 300 });
    expect(outcome).toEqual({ ...nothing, reason: 'timeout' });
  });

  test('a redirect is a failure, and nothing goes where it leads', async () => {
    await using elsewhere = await webhookReceiver();
    const outcome = await outcomeOf((_, res) => void res.writeHead(307, { location: elsewhere.url }).end());
    expect(outcome).toEqual({ ...nothing, status: 307, reason: 'redirect' });
    expect(elsewhere.posts).toEqual([]);
  });

  test('a connection is a failure where nobody listens, and where what listens never accepts', async () => {
    const closed = await webServer(() => {});
    await closed[Symbol.asyncDispose]();
    expect(await posterOf(closed.origin).post()).toMatchObject({ ...nothing, reason: 'connection_refused' });
    const deaf = createServer((socket) => void socket.on('error', () => {}));
    await new Promise<void>((listening) => deaf.listen(0, '127.0.0.1', listening));
    const { port } = deaf.address() as { port: number };
    // TLS is begun and never answered.
    expect(await posterOf(`https://127.0.0.1:${port}/`, { timeoutMs: 200 }).post()).toMatchObject({
      reason: 'timeout',
    });
    deaf.close();
  });
});

describe('addresses', () => {
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '::1',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '0.0.0.0',
    '224.0.0.1',
  ])('a name that leads to %s is refused, and nothing is sent', async (address) => {
    await using receiver = await webhookReceiver();
    const { port } = new URL(receiver.url);
    const resolve = async () => [{ address, family: address.includes(':') ? 6 : 4 }];
    const { post } = posterOf(`http://hooks.test:${port}/`, { allowPrivate: false, resolve });
    expect(await post()).toMatchObject({ delivered: false, reason: 'private_address' });
    expect(receiver.posts).toEqual([]);
  });

  test('a name is resolved at each connection: one that was public before is refused once it is not', async () => {
    await using receiver = await webhookReceiver();
    const { port } = new URL(receiver.url);
    const answers = ['8.8.8.8', '127.0.0.1'];
    const asked: string[] = [];
    const resolve = async (name: string) => {
      asked.push(name);
      return [{ address: answers[asked.length - 1]!, family: 4 }];
    };
    const { post } = posterOf(`http://hooks.test:${port}/`, { allowPrivate: false, resolve, timeoutMs: 200 });
    expect((await post()).reason).not.toBe('private_address');
    expect(await post()).toMatchObject({ reason: 'private_address' });
    expect(asked).toEqual(['hooks.test', 'hooks.test']);
    expect(receiver.posts).toEqual([]);
  });

  test('of several addresses only those are connected to that are allowed', async () => {
    await using receiver = await webhookReceiver();
    const { port } = new URL(receiver.url);
    const resolve = async () => ['224.0.0.1', '127.0.0.1'].map((address) => ({ address, family: 4 }));
    const { post } = posterOf(`http://hooks.test:${port}/`, { resolve });
    expect(await post()).toMatchObject({ delivered: true });
  });
});

describe('a secret in a file', () => {
  test('is read for each post: with two in it there are two signatures, and no restart is needed', async () => {
    await using receiver = await webhookReceiver();
    using directory = mkdtempDisposableSync(path.join(tmpdir(), 'webhook-'));
    const file = path.join(directory.path, 'secret');
    /** As a mounted secret is replaced: in one step. */
    const rotate = (text: string) => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    const [old, next] = [secretOf(1), secretOf(2)];
    rotate(`${old}\n`);
    const { post } = posterOf(receiver.url, { source: { file } });
    await post();
    rotate(`${next}\n${old}\n`);
    await post();
    rotate(`${next}\n`);
    await post();
    const accepted = (secret: string) =>
      receiver.posts.map(({ headers, body }) => {
        try {
          return new Webhook(secret).verify(body, headers as Record<string, string>) !== null;
        } catch {
          return false;
        }
      });
    expect(accepted(old)).toEqual([true, true, false]);
    expect(accepted(next)).toEqual([false, true, true]);
  });

  test('that became unreadable or malformed leaves the earlier ones in use, and is logged without a part of it', async () => {
    await using receiver = await webhookReceiver();
    using directory = mkdtempDisposableSync(path.join(tmpdir(), 'webhook-'));
    const file = path.join(directory.path, 'secret');
    writeFileSync(file, SECRET);
    const { post, events, lines } = posterOf(receiver.url, { source: { file } });
    await post();
    writeFileSync(file, 'whsec_s3cret');
    expect(await post()).toMatchObject({ delivered: true });
    rmSync(file);
    expect(await post()).toMatchObject({ delivered: true });
    expect(events('webhook.secret_unreadable')).toMatchObject([{ level: 'warn', file, usesEarlier: true }]);
    expect(JSON.stringify(lines)).not.toContain('s3cret');
  });

  test('that was never readable fails the post before anything is sent', async () => {
    await using receiver = await webhookReceiver();
    const { post, events } = posterOf(receiver.url, { source: { file: '/no/such/file' } });
    expect(await post()).toMatchObject({ delivered: false, status: null, reason: 'secret_unreadable' });
    expect(receiver.posts).toEqual([]);
    expect(events('webhook.secret_unreadable')).toMatchObject([
      { reason: 'cannot be read: ENOENT', usesEarlier: false },
    ]);
  });
});

test.each([
  ['30', 30_000],
  ['0', 0],
  ['99999999', 86_400_000],
  ['Thu, 01 Jan 1970 00:02:00 GMT', 60_000],
  ['Wed, 31 Dec 1969 00:00:00 GMT', 0],
  ['soon', null],
  ['-5', null],
  [undefined, null],
])('Retry-After: %s', (text, expected) => expect(retryAfterMs(text, 60_000)).toBe(expected));
