import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AgentProbe, type AgentProbeOptions } from '../../../src/a2a/probe/agent-probe.ts';
import { Credentials } from '../../../src/a2a/probe/credentials.ts';
import type { ProbeAnswer } from '../../../src/sweeper/probe/suspect-probe.ts';
import { selfSigned, webServer } from '../../support/a2a/web-server.ts';
import { spawnNode } from '../../support/child.ts';

const SECRET = 'what-the-agent-said';
const loopback: AgentProbeOptions = { allow: ['127.0.0.1'], allowPrivate: true, credentialsDir: null };

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'probe-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function ask(
  agentUrl: string,
  options: Partial<AgentProbeOptions> = {},
  { timeoutMs = 20_000, probe = new AgentProbe({ ...loopback, ...options }) } = {},
): Promise<ProbeAnswer> {
  let answer: ProbeAnswer | undefined;
  const task = { delegationId: 'd', agentUrl, tenant: '', taskId: 't-1' };
  await probe.ask([task], { timeoutMs, signal: new AbortController().signal }, async (_, given) => {
    answer = given;
  });
  // Whatever went wrong, none of it is the agent's own text.
  expect(JSON.stringify(answer)).not.toContain(SECRET);
  return answer!;
}

/** Answers GetTask over JSON-RPC with this task, and has no card. */
function rpc(task: unknown): http.RequestListener {
  return (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(404, { 'content-type': 'text/html' }).end(SECRET);
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const { id } = JSON.parse(body);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: task }));
    });
  };
}

const working = { id: 't-1', contextId: 'c', status: { state: 'TASK_STATE_WORKING' } };

test('an address without a card is taken for JSON-RPC', async () => {
  await using server = await webServer(rpc(working));
  expect(await ask(`${server.origin}/rpc`)).toMatchObject({ seen: { step: 'in_progress' } });
});

test.each<[string, http.RequestListener, object]>([
  [
    'a redirect to a private host',
    (_, res) => res.writeHead(302, { location: 'http://169.254.169.254/' }).end(SECRET),
    { outcome: 'unusable', reason: 'redirect' },
  ],
  [
    '401',
    (_, res) => res.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error: SECRET })),
    { outcome: 'refused', reason: 'status_401' },
  ],
  [
    'a page that says 404',
    (_, res) => res.writeHead(404, { 'content-type': 'text/html' }).end(SECRET),
    { outcome: 'refused', reason: 'status_404' },
  ],
  [
    'a gateway that says 503',
    (_, res) => res.writeHead(503).end(SECRET),
    { outcome: 'no_answer', reason: 'status_503' },
  ],
  [
    'what is no JSON',
    (_, res) => res.writeHead(200, { 'content-type': 'text/html' }).end(SECRET),
    { outcome: 'unusable', reason: 'malformed' },
  ],
  [
    'what is no answer of JSON-RPC',
    (_, res) => res.writeHead(200, { 'content-type': 'application/json' }).end(`["${SECRET}"]`),
    { outcome: 'unusable', reason: 'malformed' },
  ],
  ['another task', rpc({ ...working, id: SECRET }), { outcome: 'unusable', reason: 'other_task' }],
  ['an empty task', rpc({}), { outcome: 'unusable', reason: 'other_task' }],
  [
    'a compressed body',
    (_, res) =>
      res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync('{}')),
    { outcome: 'unusable', reason: 'encoding' },
  ],
  [
    '10 MB, announced',
    rpc({ ...working, artifacts: [{ artifactId: 'a', parts: [{ text: 'x'.repeat(10_485_760) }] }] }),
    { outcome: 'unusable', reason: 'too_large' },
  ],
  [
    'an error of A2A with a text of its own',
    (req, res) => {
      req
        .resume()
        .on('end', () =>
          res
            .writeHead(200, { 'content-type': 'application/json' })
            .end(JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -32603, message: SECRET, data: SECRET } })),
        );
    },
    { outcome: 'refused', reason: 'internal_error' },
  ],
  ['a connection that breaks', (req) => void req.socket.destroy(), { outcome: 'no_answer', reason: 'connection' }],
])('an agent that answers with %s', async (_, handler, expected) => {
  await using server = await webServer(handler);
  expect(await ask(`${server.origin}/rpc`)).toEqual(expected);
});

test('an endless answer without a length is read to its bound, and the connection ends', async () => {
  const ended = Promise.withResolvers<void>();
  let sent = 0;
  await using server = await webServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => {
      sent += 262_144;
      response.write('x'.repeat(262_144));
    }, 1);
    response.on('close', () => {
      clearInterval(timer);
      ended.resolve();
    });
  });
  expect(await ask(`${server.origin}/rpc`)).toEqual({ outcome: 'unusable', reason: 'too_large' });
  await ended.promise;
  expect(sent).toBeGreaterThan(1_048_576);
});

test('a task of four megabytes is read, and one of a byte more is not', async () => {
  const MAX = 4_194_304;
  /** An answer of so many bytes, without a length. */
  const sized =
    (bytes: number): http.RequestListener =>
    (request, response) => {
      if (request.method !== 'POST') return void response.writeHead(404).end();
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const { id } = JSON.parse(body);
        const filled = (text: string) =>
          JSON.stringify({
            jsonrpc: '2.0',
            id,
            result: { ...working, artifacts: [{ artifactId: 'a', parts: [{ text }] }] },
          });
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(filled('x'.repeat(bytes - filled('').length)));
        response.end();
      });
    };
  await using within = await webServer(sized(MAX));
  expect(await ask(`${within.origin}/rpc`)).toMatchObject({ seen: { step: 'in_progress' } });
  await using beyond = await webServer(sized(MAX + 1));
  expect(await ask(`${beyond.origin}/rpc`)).toEqual({ outcome: 'unusable', reason: 'too_large' });
});

test('a hundred agents that never answer are asked at once, and the time is up for all of them together', async () => {
  await using server = await webServer(() => {});
  // Each has a host of its own to the probe, so that no card is looked for twice.
  const tasks = Array.from({ length: 100 }, (_, i) => ({
    delegationId: `d-${i}`,
    agentUrl: `http://agent-${i}.test:${server.port}/rpc`,
    tenant: '',
    taskId: 't-1',
  }));
  const probe = new AgentProbe({
    ...loopback,
    allow: ['*.test'],
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  });
  const reasons = new Set<string>();
  const limits = { timeoutMs: 2_000, signal: new AbortController().signal };
  const asking = probe.ask(tasks, limits, async (_, answer) => {
    reasons.add('reason' in answer ? answer.reason : 'answered');
    // None was answered before all had been asked.
    expect(server.requests.length).toBeGreaterThanOrEqual(tasks.length);
  });
  await asking;
  expect([...reasons]).toEqual(['timeout']);
});

test.each<[string, http.RequestListener]>([
  ['hangs before the first byte', () => {}],
  [
    'hangs in the middle of its answer',
    (_, res) => void res.writeHead(200, { 'content-type': 'application/json' }).write('{'),
  ],
])('an agent that %s has not answered when the time is up', async (_, handler) => {
  await using server = await webServer(handler);
  expect(await ask(`${server.origin}/rpc`, {}, { timeoutMs: 300 })).toEqual({
    outcome: 'no_answer',
    reason: 'timeout',
  });
});

test('nobody listens, or what listens speaks no HTTP', async () => {
  const silent = await webServer(() => {});
  await silent[Symbol.asyncDispose]();
  expect(await ask(`${silent.origin}/rpc`)).toEqual({ outcome: 'no_answer', reason: 'connection_refused' });
  const other = createServer((socket) =>
    socket
      .resume()
      .on('error', () => undefined)
      .end('SSH-2.0-x\r\n'),
  );
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
  const { port } = other.address() as { port: number };
  expect(await ask(`http://127.0.0.1:${port}/rpc`)).toEqual({ outcome: 'unusable', reason: 'malformed' });
  await new Promise((closed) => other.close(closed));
});

test('an agent that changes the protocol is not waited for', async () => {
  const other = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .once('data', () => socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')),
  );
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
  const { port } = other.address() as { port: number };
  expect(await ask(`http://127.0.0.1:${port}/rpc`)).toEqual({ outcome: 'no_answer', reason: 'connection' });
  await new Promise((closed) => other.close(closed));
});

describe('hosts and addresses', () => {
  test('a host that is not allowed is not connected to, also when the card of an allowed one names it', async () => {
    await using elsewhere = await webServer(rpc(working));
    const card = {
      supportedInterfaces: [
        {
          url: `http://localhost:${elsewhere.port}/rpc`,
          protocolBinding: 'JSONRPC',
          protocolVersion: '1.0',
          tenant: '',
        },
      ],
    };
    await using server = await webServer((_, res) =>
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(card)),
    );
    expect(await ask(server.origin, { allow: [`127.0.0.1:${server.port}`] })).toEqual({
      outcome: 'not_asked',
      reason: 'host',
    });
    expect(await ask(`${elsewhere.origin}/rpc`, { allow: ['agents.example.com'] })).toEqual({
      outcome: 'not_asked',
      reason: 'host',
    });
    expect(elsewhere.requests).toEqual([]);
  });

  test('a private address is refused, as such or behind a name, unless it is allowed', async () => {
    await using server = await webServer(rpc(working));
    const refused = { outcome: 'not_asked', reason: 'private_address' };
    expect(await ask(`${server.origin}/rpc`, { allowPrivate: false })).toEqual(refused);
    const named = { allow: ['agent.test'], resolve: async () => [{ address: '127.0.0.1', family: 4 }] };
    expect(await ask(`http://agent.test:${server.port}/rpc`, { ...named, allowPrivate: false })).toEqual(refused);
    expect(server.requests).toEqual([]);
    expect(await ask(`http://agent.test:${server.port}/rpc`, named)).toMatchObject({ seen: { step: 'in_progress' } });
  });

  test('a name that pointed to a public address before is looked at again for each connection', async () => {
    await using server = await webServer(rpc(working));
    const answers = ['8.8.8.8', '127.0.0.1'];
    const resolved: string[] = [];
    const resolve = async () => {
      const address = answers[Math.min(resolved.length, 1)]!;
      resolved.push(address);
      return [{ address, family: 4 }];
    };
    const probe = new AgentProbe({ allow: ['agent.test'], allowPrivate: false, credentialsDir: null, resolve });
    const url = `http://agent.test:${server.port}/rpc`;
    await ask(url, {}, { timeoutMs: 200, probe });
    expect(await ask(url, {}, { probe })).toEqual({ outcome: 'not_asked', reason: 'private_address' });
    expect(resolved).toEqual(['8.8.8.8', '127.0.0.1']);
    expect(server.requests).toEqual([]);
  });

  test('a name that does not exist, or has no address', async () => {
    const missing = async () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    };
    const expected = { outcome: 'no_answer', reason: 'name_not_found' };
    expect(await ask('http://agent.test/rpc', { allow: ['agent.test'], resolve: missing })).toEqual(expected);
    expect(await ask('http://agent.test/rpc', { allow: ['agent.test'], resolve: async () => [] })).toEqual(expected);
  });
});

describe('certificates', () => {
  /** Asks in a process of its own that trusts this authority. */
  async function askTrusting(certFile: string, url: string): Promise<ProbeAnswer> {
    const module = pathToFileURL(path.resolve(import.meta.dirname, '../../../src/a2a/probe/agent-probe.ts')).href;
    const script = `
      const { AgentProbe } = await import('${module}');
      const probe = new AgentProbe(${JSON.stringify(loopback)});
      const task = { delegationId: 'd', agentUrl: '${url}', tenant: '', taskId: 't-1' };
      await probe.ask([task], { timeoutMs: 20000, signal: new AbortController().signal }, async (_, answer) => {
        process.stdout.write(JSON.stringify(answer) + '\\n');
      });`;
    const env = { NODE_EXTRA_CA_CERTS: certFile, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' };
    await using child = spawnNode(['--input-type=module', '--eval', script], { env });
    return JSON.parse(await child.waitForLine(() => true));
  }

  test('one of nobody that is trusted is refused, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    await using server = await webServer(rpc(working), selfSigned(directory, 'IP:127.0.0.1'));
    expect(await ask(`${server.origin}/rpc`)).toEqual({ outcome: 'no_answer', reason: 'tls' });
    expect(server.requests).toEqual([]);
  });

  test('one for another name is refused, and the right one of an authority in NODE_EXTRA_CA_CERTS accepted', async () => {
    const wrong = selfSigned(directory, 'DNS:other.test');
    await using other = await webServer(rpc(working), wrong);
    expect(await askTrusting(wrong.certFile, `${other.origin}/rpc`)).toEqual({ outcome: 'no_answer', reason: 'tls' });
    const right = selfSigned(directory, 'IP:127.0.0.1');
    await using server = await webServer(rpc(working), right);
    expect(await askTrusting(right.certFile, `${server.origin}/rpc`)).toMatchObject({ seen: { step: 'in_progress' } });
  });
});

describe('credentials', () => {
  test('are sent to their host and port alone, and a file that changes counts from the next question', async () => {
    await using server = await webServer(rpc(working));
    await using other = await webServer(rpc(working));
    const file = path.join(directory, `127.0.0.1_${server.port}`);
    writeFileSync(file, 'Authorization: Bearer one\nX-Tenant: t\n');
    const probe = new AgentProbe({ ...loopback, credentialsDir: directory });
    const sent = (from: { requests: readonly http.IncomingMessage[] }) => from.requests.at(-1)!.headers.authorization;
    await ask(`${server.origin}/rpc`, {}, { probe });
    await ask(`${other.origin}/rpc`, {}, { probe });
    expect([sent(server), sent(other)]).toEqual(['Bearer one', undefined]);
    expect(server.requests.at(-1)!.headers['x-tenant']).toBe('t');
    writeFileSync(file, 'Authorization: Bearer two');
    await ask(`${server.origin}/rpc`, {}, { probe });
    expect(sent(server)).toBe('Bearer two');
    // Without a port it is for https on port 443.
    const host = 'agents.example.com';
    writeFileSync(path.join(directory, host), 'authorization: Basic default');
    const credentials = new Credentials(directory);
    expect(await credentials.for(new URL(`https://${host}/rpc`))).toEqual({ authorization: 'Basic default' });
    for (const url of [`https://${host}:8443/`, `http://${host}/`, `http://${host}:443/`])
      expect(await credentials.for(new URL(url))).toEqual({});
  });

  test.each(['no header', `Authorization: ${SECRET}\u0001`, `${SECRET} : x`, 'a: b\n'.repeat(10_000)])(
    'a file that cannot be used asks nobody, and is not quoted: %#',
    async (content) => {
      await using server = await webServer(rpc(working));
      writeFileSync(path.join(directory, `127.0.0.1_${server.port}`), content);
      const answer = await ask(`${server.origin}/rpc`, { credentialsDir: directory });
      expect(answer).toEqual({ outcome: 'not_asked', reason: 'credentials' });
      expect(server.requests).toEqual([]);
    },
  );
});

test('many large answers are all read, a few at a time', async () => {
  const large = { ...working, artifacts: [{ artifactId: 'a', parts: [{ text: 'x'.repeat(300_000) }] }] };
  await using server = await webServer(rpc(large));
  const tasks = Array.from({ length: 20 }, (_, i) => ({
    delegationId: `d-${i}`,
    agentUrl: `${server.origin}/rpc`,
    tenant: '',
    taskId: 't-1',
  }));
  let [taking, mostTaking] = [0, 0];
  const answers: ProbeAnswer[] = [];
  const limits = { timeoutMs: 20_000, signal: new AbortController().signal };
  await new AgentProbe(loopback).ask(tasks, limits, async (_, answer) => {
    taking += 1;
    mostTaking = Math.max(mostTaking, taking);
    await new Promise((later) => setImmediate(later));
    answers.push(answer);
    taking -= 1;
  });
  expect(answers.map((answer) => 'seen' in answer && answer.seen.step)).toEqual(tasks.map(() => 'in_progress'));
  expect(mostTaking).toBeLessThanOrEqual(4);
  // Their one card was looked for once, in both places.
  expect(server.requests.filter(({ method }) => method === 'GET')).toHaveLength(2);
});
