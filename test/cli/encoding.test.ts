import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startDaemon } from '../support/daemon.ts';
import { oneShotCommands, oneShotEnv } from '../support/one-shot-commands.ts';
import { runProgram } from '../support/program.ts';
import { databaseUrl, testServer, withClient } from '../support/server.ts';

/** They say how things are, also there. */
const telling = ['ledgers', 'doctor', 'migrate status --json'];
const using = oneShotCommands.filter((command) => !telling.includes(command.join(' ')));

// Its encoding has no arrow, so a result with one could never be recorded there.
const name = `latin1_${randomBytes(6).toString('hex')}`;
let url: string;

beforeAll(async () => {
  const server = testServer().url;
  url = databaseUrl(server, name);
  await withClient(server, (client) =>
    client.query(
      `CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
    ),
  );
});
afterAll(async () => {
  await withClient(testServer().url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
});

describe('a database whose encoding is not UTF8', () => {
  test.each(using.map((command) => [command.join(' '), command] as const))(
    'is refused by %s (78), which names what to do',
    async (_, command) => {
      const { code, stdout, stderr } = await runProgram(command, { DATABASE_URL: url, ...oneShotEnv });
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      expect(stderr).toMatch(/encoding is LATIN1.*needs UTF8: create a database with ENCODING 'UTF8'/);
    },
  );

  test('is named by those that say how things are', async () => {
    const env = { DATABASE_URL: url, ...oneShotEnv };
    for (const command of ['ledgers', 'doctor']) {
      expect(await runProgram([command], env)).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/LATIN1.*\n?.*UTF8/),
      });
    }
    expect(await runProgram(['migrate', 'status'], env)).toMatchObject({ code: 1 });
  });

  test('is left unchanged', async () => {
    const { rows } = await withClient(url, (client) =>
      client.query(`SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`),
    );
    expect(rows).toEqual([]);
  });

  test('leaves the daemon running, not ready, and logged', async () => {
    await using daemon = startDaemon(url);
    expect(await daemon.until('database.schema_outdated')).toMatchObject({
      component: 'encoding',
      found: 'LATIN1',
      required: 'UTF8',
      remedy: expect.stringContaining('ENCODING'),
    });
    const { port } = await daemon.until('ops.listening');
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      reasons: [{ reason: 'schema_outdated', detail: expect.stringContaining('LATIN1') }],
    });
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual({ code: 0, signal: null });
  });
});
