import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';

const module = new URL('../../src/lifecycle/signals.ts', import.meta.url).href;

/** Prints each signal; exits by itself only at a signal that asks for an immediate end. */
const script = `
  const { onShutdownSignal } = await import(${JSON.stringify(module)});
  const shutdown = onShutdownSignal();
  shutdown.requested.then((signal) => console.log('requested', signal));
  shutdown.impatient.then((signal) => { console.log('impatient', signal); process.exit(130); });
  process.on('message', () => { shutdown[Symbol.dispose](); console.log('disposed'); });
  setInterval(() => {}, 1000);
  console.log('ready');
`;

let child: ChildProcessByStdio<null, Readable, null> | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
});

async function run() {
  child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  }) as unknown as ChildProcessByStdio<null, Readable, null>;
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const heard = async () => (await lines.next()).value as string | undefined;
  expect(await heard()).toBe('ready');
  return { child, heard };
}

describe('shutdown signals', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s asks for a shutdown instead of ending the process',
    async (signal) => {
      const { child, heard } = await run();
      child.kill(signal);
      expect(await heard()).toBe(`requested ${signal}`);
      expect([child.exitCode, child.signalCode]).toEqual([null, null]);
    },
  );

  test('a Ctrl-C that npm forwards as well counts once; a later one asks for an immediate end', async () => {
    const { child, heard } = await run();
    child.kill('SIGINT');
    expect(await heard()).toBe('requested SIGINT');
    child.kill('SIGINT');
    // Time itself is tested here: the limit is a second.
    await sleep(1100);
    child.kill('SIGTERM');
    const exited = once(child, 'exit');
    expect(await heard()).toBe('impatient SIGTERM');
    expect(await exited).toEqual([130, null]);
  });

  test('after the disposal a signal ends the process as usual', async () => {
    const { child, heard } = await run();
    child.send('dispose');
    expect(await heard()).toBe('disposed');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  });
});

test('listening alone does not keep a process alive', async () => {
  const idle = `(await import(${JSON.stringify(module)})).onShutdownSignal()`;
  child = spawn(process.execPath, ['--input-type=module', '--eval', idle], { stdio: ['ignore', 'pipe', 'inherit'] });
  expect(await once(child, 'exit')).toEqual([0, null]);
});
