import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cataloguedLines } from '../support/catalogued.ts';
import { startPasswordServer } from '../support/password-server.ts';
import { runProgram } from '../support/program.ts';
import { startTlsRefusingServer } from '../support/tls-refusing-server.ts';

const DATABASE_URL = 'postgresql://sweeper:hush@127.0.0.1:1/ledger';
const server = createServer();
let port: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = String((server.address() as { port: number }).port);
});
afterAll(() => void server.close());

const lines = (stdout: string) => cataloguedLines(stdout.split('\n').filter((line) => line !== ''));

describe('a daemon that cannot start', () => {
  test.each(['info', 'error', 'fatal'])('is logged as fatal with its reason at LOG_LEVEL=%s', async (LOG_LEVEL) => {
    const { code, stdout, stderr } = await runProgram(['start'], { DATABASE_URL, OPS_PORT: port, LOG_LEVEL });
    expect(code).toBe(78);
    const failed = lines(stdout).filter(({ event }) => event === 'daemon.start_failed');
    expect(failed).toEqual([
      expect.objectContaining({
        level: 'fatal',
        err: { code: 'EADDRINUSE', message: expect.stringContaining('OPS_PORT') },
        exitCode: 78,
      }),
    ]);
    expect(stderr).toMatch(new RegExp(`^The ops server cannot listen on 127.0.0.1, port ${port}: .*; set OPS_PORT$`));
    if (LOG_LEVEL === 'info') expect(lines(stdout).at(-1)!.event).toBe('daemon.stopped');
  });

  test('says why on stderr even when the log is silent', async () => {
    const env = { DATABASE_URL, OPS_PORT: port, LOG_LEVEL: 'silent' };
    const { code, stdout, stderr } = await runProgram(['start'], env);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain('set OPS_PORT');
  });

  test('an address that this host does not have names OPS_HOST', async () => {
    const { code, stderr } = await runProgram(['start'], { DATABASE_URL, OPS_HOST: '192.0.2.1', LOG_LEVEL: 'fatal' });
    expect(code).toBe(78);
    expect(stderr).toMatch(/^The ops server cannot listen on 192\.0\.2\.1, port 9464: .*; set OPS_HOST$/);
  });

  test('also before anything is set up: a data directory that cannot be used', async () => {
    const env = { DATA_DIR: '/sys/no-such-place', LOG_LEVEL: 'fatal', OPS_PORT: '0' };
    const { code, stdout, stderr } = await runProgram(['start'], env);
    expect(code).toBe(69);
    expect(lines(stdout)).toEqual([
      expect.objectContaining({ event: 'daemon.start_failed', err: expect.anything(), exitCode: 69 }),
    ]);
    expect(stderr).toContain('DATA_DIR /sys/no-such-place cannot hold');
  });
});

describe('a connection that is refused is no internal error: no stack, and what to do', () => {
  const oneShot = (url: string, env = {}) => runProgram(['sweep'], { DATABASE_URL: url, ...env });

  test.each(['none', 'broken'] as const)('by a server whose TLS is %s', async (answer) => {
    await using refusing = await startTlsRefusingServer(answer);
    const { code, stdout, stderr } = await oneShot(refusing.url);
    expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
    expect(stderr).toMatch(/^The database refuses the connection: .*\nWhat to do: check sslmode and sslrootcert/);
    expect(stderr).not.toMatch(/^ +at |hush/m);
  });

  test('for its password', async () => {
    await using refusing = await startPasswordServer();
    const { code, stderr } = await oneShot(refusing.url('hush'));
    expect(code).toBe(69);
    expect(stderr).toMatch(
      /^The database refuses the connection: .*\(28P01\)\nWhat to do: check the user and the password/,
    );
  });

  test('for a password that is not there', async () => {
    await using refusing = await startPasswordServer();
    const { code, stderr } = await oneShot(refusing.url('').replace(':@', '@'));
    expect(code).toBe(69);
    expect(stderr).toMatch(/What to do: .*password/);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test('a missing CA file is named with the variable that asks for it', async () => {
    await using refusing = await startTlsRefusingServer('none');
    const { code, stderr } = await oneShot(`${refusing.url}&sslrootcert=/no/such/ca.crt`);
    expect(code).toBe(78);
    expect(stderr).toMatch(/\/no\/such\/ca\.crt/);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test('one that is away says what to check', async () => {
    const { code, stderr } = await oneShot(DATABASE_URL);
    expect(code).toBe(69);
    expect(stderr).toMatch(/\(ECONNREFUSED\)\nWhat to do: .*DATABASE_URL/);
  });
});
