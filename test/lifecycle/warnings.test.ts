import { expect, test } from '@jest/globals';
import { spawnNode } from '../support/child.ts';

const module = new URL('../../src/lifecycle/warnings.ts', import.meta.url).href;

test('a warning is passed to the listener instead of printed as plain text, until the disposal', async () => {
  const script = `
    import { once } from 'node:events';
    const { onProcessWarning } = await import(${JSON.stringify(module)});
    const heard = onProcessWarning(({ name, code, message }) => console.log(name, code, message));
    process.emitWarning('careful', { code: 'C1' });
    await once(process, 'warning');
    heard[Symbol.dispose]();
    process.emitWarning('printed');
    await once(process, 'warning');`;
  await using child = spawnNode(['--input-type=module', '--eval', script]);
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stdoutLines).toEqual(['Warning C1 careful']);
  expect(child.stderrLines[0]).toMatch(/Warning: printed/);
});
