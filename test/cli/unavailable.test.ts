import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type PasswordServer, startPasswordServer } from '../support/password-server.ts';
import { runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const commands = [['sweep'], ['sweep', '--dry-run'], ['migrate', 'up'], ['migrate', 'down'], ['migrate', 'status']];
const database = useDatabase();

describe('a database that is away ends a one-shot command with 69', () => {
  test.each(commands)('%s %s', async (...args) => {
    const DATABASE_URL = 'postgresql://sweeper:hush@127.0.0.1:1/ledger';
    const { code, stdout, stderr } = await runProgram(args, { DATABASE_URL });
    expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
    expect(stderr).toMatch(/^The database is not available: .*127\.0\.0\.1:1.* \(ECONNREFUSED\)$/m);
    expect(stderr).not.toContain('hush');
  });
});

test('so does a server that has no such database', async () => {
  const url = new URL(database.url);
  url.pathname = '/nowhere';
  const { code, stderr } = await runProgram(['sweep'], { DATABASE_URL: url.href });
  expect(code).toBe(69);
  expect(stderr).toMatch(/database "nowhere" does not exist \(3D000\)/);
});

describe('a wrong password', () => {
  let server: PasswordServer;
  beforeAll(async () => {
    server = await startPasswordServer();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test.each(commands)('is not repeated by %s %s', async (...args) => {
    const { code, stdout, stderr } = await runProgram(args, { DATABASE_URL: server.url('hush') });
    expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
    expect(server.passwords).toContain('hush');
    expect(stderr).toMatch(/password authentication failed .*\(28P01\)$/m);
    expect(stderr).not.toContain('hush');
  });
});
