import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startDaemon } from '../support/daemon.ts';
import { oneShotCommands, oneShotEnv } from '../support/one-shot-commands.ts';
import { runProgram } from '../support/program.ts';
import { withClient } from '../support/server.ts';
import { waitFor } from '../support/wait-for.ts';

let dir: string;
let DATA_DIR: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'test-cli-embedded-'));
  await chmod(dir, 0o755);
  DATA_DIR = path.join(dir, 'data');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const oneShot = [...oneShotCommands, ['migrate', 'down', '--delete-all-data']];

describe('without DATABASE_URL', () => {
  test.each(oneShot.map((command) => [command.join(' '), command] as const))(
    '%s where no daemon runs makes no database: 78, and what to do',
    async (_, command) => {
      const { code, stdout, stderr } = await runProgram(command, { DATA_DIR, ...oneShotEnv });
      expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
      expect(stderr).toMatch(
        /^DATABASE_URL is not set, and no daemon runs an embedded database in DATA_DIR .*data\.$/m,
      );
      expect(stderr).toMatch(/^What to do: set DATABASE_URL .* `delegation-sweeper start`/m);
      expect(existsSync(DATA_DIR)).toBe(false);
    },
  );

  test('start prints the URL by which agents reach its database; the other commands use that database, and name it', async () => {
    await using daemon = startDaemon('', { DATABASE_URL: undefined, DATA_DIR });
    await daemon.until('sweep.completed', undefined, { timeoutMs: 60_000 });
    const said = daemon.child.stderrLines.find((line) => line.includes('DATABASE_URL='));
    const url = /DATABASE_URL='([^']+)'$/.exec(said ?? '')![1]!;
    expect(daemon.child.stdoutLines.join('\n')).not.toContain('postgresql://');
    const rows = await withClient(url, async (client) => (await client.query('SELECT FROM delegations')).rowCount);
    expect(rows).toBe(0);

    const env = { DATA_DIR, LOG_LEVEL: 'error' };
    // These have no schema of their own: they are about all of them.
    const named = ([command]: readonly string[]) =>
      command === 'ledgers'
        ? /the embedded PostgreSQL in .*data\b/
        : /the embedded PostgreSQL in .*data, schema public/;
    // There is no delegation `a`.
    const missing = ['explain', 'retry'];
    for (const given of oneShotCommands) {
      // It asks before it removes anything.
      const command = given[0] === 'prune' ? [...given, '--yes'] : given;
      const { code, stdout } = await runProgram(command, { ...oneShotEnv, ...env });
      expect({ command, code, stdout }).toEqual({
        command,
        code: missing.includes(command[0]!) ? 1 : 0,
        stdout: expect.stringMatching(named(command)),
      });
      if (command.includes('--json')) continue;
      const { stdout: json } = await runProgram([...command, '--json'], { ...oneShotEnv, ...env });
      const [last] = json.trim().split('\n').slice(-1);
      expect({ command, database: JSON.parse(last!).database }).toEqual({
        command,
        database: expect.stringMatching(named(command)),
      });
    }
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual({ code: 0, signal: null });

    // The data exist; the daemon does not run.
    const after = await runProgram(['status'], env);
    expect(after).toMatchObject({ code: 78, stdout: '' });
    const pidFile = path.join(DATA_DIR, 'pgdata', 'postmaster.pid');
    await waitFor('no server', () => !existsSync(pidFile));

    await using killed = startDaemon('', { DATABASE_URL: undefined, DATA_DIR });
    await killed.until('sweep.completed', undefined, { timeoutMs: 60_000 });
    expect(existsSync(pidFile)).toBe(true);
    killed.child.kill('SIGKILL');
    await killed.child.exit;
    await waitFor('no server', () => !existsSync(pidFile));
    expect(await runProgram(['status'], env)).toMatchObject({ code: 78, stdout: '' });
  });
});
