import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { keys } from '../../src/config/keys.ts';
import { eventsOf } from '../support/catalogued.ts';
import { processesWith } from '../support/processes.ts';
import { runProgram } from '../support/program.ts';
import { waitFor } from '../support/wait-for.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Is in the environment or the command line of everything that is started here. */
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'test-npm-start-'));
  await chmod(dir, 0o755);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** `npm start` as a person runs it: a process group of its own, as a terminal's foreground job is. */
function npmStart() {
  const unset = Object.fromEntries(
    [...Object.values(keys).map(({ env }) => env), 'NODE_OPTIONS', 'NODE_ENV'].map((name) => [name, undefined]),
  );
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    env: { ...process.env, ...unset, DATA_DIR: path.join(dir, 'data'), OPS_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  child.stderr.resume();
  // Closed, not only ended: the daemon, which may run longer than npm, has written its last lines.
  const exit = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return {
    lines,
    exit,
    /** Sends it to npm only, or, as a terminal does, to its whole group. */
    kill: (signal: NodeJS.Signals, whom: 'npm' | 'group') =>
      process.kill(whom === 'npm' ? child.pid! : -child.pid!, signal),
    async [Symbol.asyncDispose]() {
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It has ended.
      }
      await exit;
    },
  };
}

async function expectGone(): Promise<void> {
  let left: string[] = [];
  const isGone = async () => {
    left = await processesWith(dir);
    return left.length === 0;
  };
  await waitFor('all of its processes to end', isGone).catch((err: Error) => {
    throw new Error(`${err.message}: ${left.join('; ')}`, { cause: err });
  });
}

test('npm start, with no database named, sweeps an embedded one; SIGTERM to npm ends node and server, and exits 0', async () => {
  await using npm = npmStart();
  await waitFor('its first sweep', () => eventsOf(npm.lines, 'sweep.completed').length > 0, { timeoutMs: 60_000 });
  const embedded = { DATA_DIR: path.join(dir, 'data') };

  const sweep = await runProgram(['sweep', '--json'], embedded);
  expect(sweep.code).toBe(0);
  expect(eventsOf(sweep.stderr.split('\n'), 'embedded.started')).toMatchObject([{ joined: true }]);
  const second = await runProgram(['start'], { ...embedded, OPS_PORT: '0' });
  expect(second.code).toBe(69);
  expect(second.stderr).toMatch(/DATA_DIR .* is in use: process \d+ runs PostgreSQL on it/);

  npm.kill('SIGTERM', 'npm');
  expect(await npm.exit).toEqual({ code: 0, signal: null });
  expect(eventsOf(npm.lines, 'daemon.stopped')).toMatchObject([{ reason: 'SIGTERM' }]);
  expect(eventsOf(npm.lines, 'embedded.stopped')).toHaveLength(1);
  await expectGone();
});

test('a Ctrl-C in the terminal of npm start is one graceful stop', async () => {
  await using npm = npmStart();
  await waitFor('its first sweep', () => eventsOf(npm.lines, 'sweep.completed').length > 0, { timeoutMs: 60_000 });
  npm.kill('SIGINT', 'group');
  // npm itself ends by the signal, as a shell expects from a foreground job.
  await npm.exit;
  await expectGone();
  expect(eventsOf(npm.lines, 'daemon.stopping')).toMatchObject([{ signal: 'SIGINT' }]);
  expect(eventsOf(npm.lines, 'daemon.stopped')).toMatchObject([{ reason: 'SIGINT' }]);
});

test('killed together with npm, the daemon leaves no server behind', async () => {
  await using npm = npmStart();
  await waitFor('its first sweep', () => eventsOf(npm.lines, 'sweep.completed').length > 0, { timeoutMs: 60_000 });
  npm.kill('SIGKILL', 'group');
  await npm.exit;
  await expectGone();
});
