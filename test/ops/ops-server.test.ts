import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { json } from '../../src/ops/answer.ts';
import { OpsServer } from '../../src/ops/ops-server.ts';
import { serviceContract } from '../lifecycle/service-contract.ts';
import { capturedLog } from '../support/fixtures.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask } from './http.ts';

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function serverOn(port: number) {
  const capture = capturedLog();
  const server = new OpsServer(capture.log, {
    host: '127.0.0.1',
    port,
    routes: {
      '/fine': () => json(200, { fine: true }),
      '/things': ({ query }) => json(200, { query }),
      '/things/{id}': ({ parameter, query }) => json(200, { parameter, query }),
      '/broken': () => {
        throw new Error('connect postgres://u:s3cret@h/db');
      },
    },
  });
  undo.push(() => server.stop());
  return { server, ...capture };
}

async function started() {
  const running = serverOn(0);
  await running.server.start();
  return { ...running, port: running.server.port! };
}

function open(port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  undo.push(() => void socket.destroy());
  return socket;
}

serviceContract('the ops server', () => serverOn(0).server);

describe('the ops server', () => {
  test('reports where it listens: the port chosen, when any was allowed', async () => {
    const { port, events } = await started();
    expect(events('ops.listening')).toEqual([expect.objectContaining({ host: '127.0.0.1', port })]);
    expect(port).toBeGreaterThan(0);
  });

  test('answers what it serves, with or without a query, and HEAD without a body', async () => {
    const { port } = await started();
    const answer = await ask(port, '/fine?probe=1');
    expect(answer).toMatchObject({ status: 200, body: '{"fine":true}\n' });
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(await ask(port, '/fine', 'HEAD')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': String(answer.body.length) },
    });
  });

  test.each(['/nothing', '/fine/', '/constructor', '//fine', '/%66ine', '/things/', '/thingsx'])(
    'answers 404 to %s',
    async (path) => {
      const { port } = await started();
      const { status, body } = await ask(port, path);
      expect(status).toBe(404);
      expect(JSON.parse(body)).toEqual({ error: 'not found', paths: ['/fine', '/things', '/things/{id}', '/broken'] });
    },
  );

  test.each([
    ['/things', { query: '' }],
    ['/things?', { query: '' }],
    ['/things?a=1&b=%zz', { query: 'a=1&b=%zz' }],
    ['/things/a', { parameter: 'a', query: '' }],
    ['/things/a/../b//c', { parameter: 'a/../b//c', query: '' }],
    ['/things/%2e%2E/%00?x?y', { parameter: '%2e%2E/%00', query: 'x?y' }],
    ['/things//', { parameter: '/', query: '' }],
    ['/things/{id}', { parameter: '{id}', query: '' }],
  ])('gives the route of %s what varies, as it came', async (target, given) => {
    const { port } = await started();
    expect(JSON.parse((await ask(port, target)).body)).toEqual(given);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('is read only: %s is refused', async (method) => {
    const { port } = await started();
    for (const path of ['/fine', '/things', '/things/a']) {
      expect(await ask(port, path, method)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
    }
  });

  test('a route that fails is a 500 without details, and an event with the reason but no password', async () => {
    const { port, events } = await started();
    expect(await ask(port, '/broken')).toMatchObject({ status: 500, body: '{"error":"internal"}\n' });
    expect(events('ops.request_failed')).toEqual([
      expect.objectContaining({ path: '/broken', err: { code: null, message: 'connect postgres://u:***@h/db' } }),
    ]);
  });

  test('an address in use is an error that names it and OPS_PORT', async () => {
    const { port } = await started();
    const second = serverOn(port).server;
    await expect(second.start()).rejects.toThrow(
      `The ops server cannot listen on 127.0.0.1, port ${port}: another process listens there; set OPS_PORT`,
    );
  });

  test('finishes the current request and closes idle connections when it stops', async () => {
    const { server, port } = await started();
    const idle = open(port);
    const half = open(port);
    await Promise.all([once(idle, 'connect'), once(half, 'connect')]);
    half.write('GET /fine HTTP/1.1\r\n');
    const closed = [idle, half].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    await server.stop();
    await Promise.all(closed);
    await expect(ask(port, '/fine')).rejects.toThrow('ECONNREFUSED');
  });

  test('closes the connection of a client that does not finish its headers', async () => {
    const { port } = await started();
    const slow = open(port);
    let answer = '';
    slow.setEncoding('utf8').on('data', (part) => {
      answer += part;
    });
    slow.write('GET /fine HTTP/1.1\r\nX-Slow: ');
    await once(slow, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('refuses headers beyond its bound', async () => {
    const { port } = await started();
    const socket = open(port);
    let answer = '';
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part;
    });
    socket.write(`GET /fine HTTP/1.1\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`);
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('answers whatever connections are held open, idle or unfinished: the oldest of a hundred is closed', async () => {
    const { port } = await started();
    const held: Socket[] = [];
    let closed = 0;
    for (let i = 0; i < 150; i += 1) {
      const socket = open(port).once('close', () => {
        closed += 1;
      });
      await once(socket, 'connect');
      if (i % 2 === 0) socket.write('GET /fine HTTP/1.1\r\nX-Slow: ');
      held.push(socket);
    }
    expect(await ask(port, '/fine')).toMatchObject({ status: 200 });
    await waitFor('room for a hundred', () => closed >= 51);
    expect(held.slice(0, 51).every(({ destroyed }) => destroyed)).toBe(true);
    expect(held.at(-1)!.destroyed).toBe(false);
  });

  test('closes no connection that waits for an answer while there are others to close', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slowly = async () => {
      await promise;
      return json(200, { slow: true });
    };
    const routes = { '/slow': slowly, '/fine': () => json(200, {}) };
    const server = new OpsServer(capturedLog().log, { host: '127.0.0.1', port: 0, routes });
    undo.push(() => server.stop());
    await server.start();
    const port = server.port!;
    const asked = ask(port, '/slow');
    await waitFor('it to be asked', () => ask(port, '/fine'));
    const held = Array.from({ length: 130 }, () => open(port));
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    expect(await ask(port, '/fine')).toMatchObject({ status: 200 });
    resolve();
    expect(await asked).toMatchObject({ status: 200, body: '{"slow":true}\n' });
  });

  test('closes the connection of a client that does not read its answer in time, also of one that reads a little', async () => {
    const body = 'x'.repeat(32 * 2 ** 20);
    const routes = { '/large': () => ({ status: 200, contentType: 'text/plain', body }) };
    const server = new OpsServer(capturedLog().log, { host: '127.0.0.1', port: 0, routes });
    undo.push(() => server.stop());
    await server.start();
    const [silent, slow] = [open(server.port!), open(server.port!)];
    let closed = 0;
    for (const socket of [silent, slow]) {
      socket.once('close', () => {
        closed += 1;
      });
      socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    }
    await waitFor('the slow one to be cut off', () => {
      slow.read(1_024);
      return closed === 1;
    });
    // Only who reads is told that the connection is closed.
    let left = 0;
    silent.on('data', (part) => {
      left += part.length;
    });
    await waitFor('the silent one to be cut off', () => closed === 2);
    expect(slow.bytesRead).toBeLessThan(body.length);
    expect(left).toBeLessThan(body.length);
  });

  test('lets a client take its answer, and goes on with its connection', async () => {
    const { port } = await started();
    const socket = open(port);
    let text = '';
    socket.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    for (const times of [1, 2]) {
      socket.write('GET /fine HTTP/1.1\r\nHost: x\r\n\r\n');
      await waitFor(`answer ${times}`, () => text.split('{"fine":true}').length > times);
    }
  });

  test('accepts a new connection also when every other waits for its answer', async () => {
    const never = () => new Promise<never>(() => {});
    const routes = { '/never': never, '/livez': () => json(200, { alive: true }) };
    const server = new OpsServer(capturedLog().log, { host: '127.0.0.1', port: 0, routes });
    undo.push(() => server.stop());
    await server.start();
    const held = Array.from({ length: 120 }, () => open(server.port!));
    for (const socket of held) socket.write('GET /never HTTP/1.1\r\nHost: x\r\n\r\n');
    await waitFor('the first to be dropped', () => held.filter(({ destroyed }) => destroyed).length >= 20);
    expect(await ask(server.port!, '/livez')).toMatchObject({ status: 200 });
  });
});
