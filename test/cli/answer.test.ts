import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { seedDelegation } from '../support/fixtures.ts';
import { program, runProgram, startProgram } from '../support/program.ts';
import { seedFleet } from '../support/seed-fleet.ts';
import { useDatabase } from '../support/use-database.ts';

const ROWS = 12_000;
const database = useDatabase();
beforeAll(async () => {
  await seedFleet(database, { rows: ROWS, silentSeconds: 70_000 });
});

const env = () => ({ ...process.env, ...program.env, NODE_OPTIONS: '', DATABASE_URL: database.url, STORM_RATIO: '0' });

/** In a shell, with `node main.ts` as $NODE $MAIN. */
async function shell(command: string) {
  const child = spawn('bash', ['-c', `set -o pipefail; ${command}`], {
    env: { ...env(), NODE: process.execPath, MAIN: program.file },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (part) => {
    stdout += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part) => {
    stderr += part;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

describe('an answer of more than a megabyte', () => {
  test('arrives complete through a pipe that is read slowly', async () => {
    const child = spawn(process.execPath, [program.file, 'sweep', '--dry-run', '--json'], {
      env: env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    // The pipe is full and nobody reads: a program that does not wait for its reader would end here and lose the rest.
    await once(child.stdout, 'readable');
    let text = '';
    for await (const part of child.stdout.setEncoding('utf8')) text += part;
    expect(await exited).toEqual([0, null]);
    expect(text.length).toBeGreaterThan(1_000_000);
    expect(JSON.parse(text).rows).toHaveLength(ROWS);
  });

  test('also in words', async () => {
    const { code, stdout } = await shell('$NODE $MAIN sweep --dry-run | wc -l');
    expect(code).toBe(0);
    expect(Number(stdout)).toBe(ROWS + 1);
  });

  test('ends without an error when its reader closes the pipe after one line', async () => {
    const { code, stdout, stderr } = await shell('$NODE $MAIN sweep --dry-run | head -1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^fleet-.* stuck: silent for 19 h \d+ min\n$/);
  });
});

test('no id makes two lines of an answer, nor a control sequence in a terminal', async () => {
  const id = 'a\x1b[2Jb\nMarked 0 stuck';
  await seedDelegation(database, { delegationId: id, deadlineSeconds: -5 });
  const { stdout } = await runProgram(['sweep', '--dry-run'], { DATABASE_URL: database.url });
  expect(stdout).toContain('a\\x1b[2Jb\\nMarked 0 stuck  failed: deadline exceeded by');
  expect(stdout).not.toContain('\x1b');
  expect(stdout).not.toMatch(/^Marked/m);
});

describe('a disk without room for the answer', () => {
  test.each(['sweep --dry-run --json', 'check', '--version', '--help', 'migrate status'])('fails %s', async (args) => {
    const { code, stderr } = await shell(`$NODE $MAIN ${args} > /dev/full`);
    expect(code).toBe(70);
    expect(stderr).toMatch(/^The answer could not be written to stdout: .*ENOSPC/);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test('fails when a file takes only a part of it', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'test-answer-'));
    try {
      const file = path.join(dir, 'answer');
      const { code, stderr } = await shell(`ulimit -f 100; $NODE $MAIN sweep --dry-run --json > ${file}`);
      expect({ code, size: (await readFile(file)).length }).toEqual({ code: 70, size: 102_400 });
      expect(stderr).toMatch(/^The answer could not be written to stdout: .*EFBIG/);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

test('a failure gives its exit code also when nobody reads stderr', async () => {
  const { code } = await shell('$NODE $MAIN sweep --nonsense 2>&1 >/dev/null | true; exit $PIPESTATUS');
  expect(code).toBe(64);
  await using child = startProgram(['check'], { STUCK_AFTER: 'soon' });
  expect(await child.exit).toEqual({ code: 78, signal: null });
});
