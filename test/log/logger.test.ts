import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { createLogger } from '../../src/log/logger.ts';
import { prettyDestination } from '../../src/log/pretty.ts';

const moduleOf = (name: string) => JSON.stringify(new URL(`../../src/log/${name}.ts`, import.meta.url).href);

/** Runs `body` with a logger in a separate process, which exits at once. `options`: as source. */
function inChild(options: string, body: string) {
  const script = `const { createLogger } = await import(${moduleOf('logger')});
    const { prettyDestination } = await import(${moduleOf('pretty')});
    const log = createLogger(${options}); ${body}; process.exit(3)`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
}

test('nothing is lost when the process exits right after the last line', () => {
  const { status, stdout, stderr } = inChild(
    `{ level: 'info' }`,
    'for (let i = 0; i < 20000; i++) log.info({ i }, "line")',
  );
  expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(20_000);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ i: 19_999, message: 'line', service: 'delegation-sweeper' });
});

test('nothing is lost in the readable form either', () => {
  const { stdout } = inChild(
    `{ level: 'info', destination: prettyDestination('stdout') }`,
    'for (let i = 0; i < 1000; i++) log.info({ event: "e" }, "line " + i)',
  );
  expect(stdout).toMatch(/INFO.*line 0\n/);
  expect(stdout).toMatch(/INFO.*line 999\n/);
});

test('stderr can be the destination, and stdout then stays empty', () => {
  const { stdout, stderr } = inChild(`{ level: 'info', destination: 'stderr' }`, 'log.warn({}, "careful")');
  expect(stdout).toBe('');
  expect(JSON.parse(stderr)).toMatchObject({ level: 'warn', message: 'careful' });
});

test('a level below the configured one is not written', () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'warn', destination: { write: (line) => lines.push(line) } });
  log.info({}, 'no');
  log.error({}, 'yes');
  expect(lines.map((line) => JSON.parse(line).message)).toEqual(['yes']);
});

test('without a terminal the readable form has no colour codes', () => {
  const lines: string[] = [];
  const destination = prettyDestination({ write: (line) => lines.push(line) });
  createLogger({ level: 'info', destination }).info({}, 'plain');
  expect(lines.join('')).toContain('plain');
  expect(lines.join('')).not.toContain('\u001b');
});

test('a log that cannot be written does not stop the work', () => {
  const script = `const { createLogger } = await import(${moduleOf('logger')});
    const log = createLogger({ level: 'info' });
    for (let i = 0; i < 50_000; i++) log.info({ i }, 'a line'.repeat(20));
    await new Promise(setImmediate);
    log.fatal({}, 'and on');
    await new Promise(setImmediate);
    console.error('still at work');`;
  const disk = openSync('/dev/full', 'w');
  try {
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
      stdio: ['ignore', disk, 'pipe'],
    });
    expect(child).toMatchObject({ status: 0, stderr: 'still at work\n' });
  } finally {
    closeSync(disk);
  }
});
