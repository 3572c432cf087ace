import { expect, test } from '@jest/globals';
import { findProcess } from '../../src/embedded/process-table.ts';
import { findByPs } from '../../src/embedded/ps.ts';
import { spawnNode } from '../support/child.ts';

test('ps, for systems without /proc, finds the same program, command line and start', async () => {
  await using child = spawnNode(['-e', 'console.log("up"); setInterval(() => {}, 1000)', 'an-argument']);
  await child.waitForLine((line) => line === 'up');
  const [proc, ps] = [await findProcess(child.pid), await findByPs(child.pid)];
  expect(ps).toMatchObject({ pid: child.pid, program: proc!.program });
  expect(ps!.commandLine.at(-1)).toBe('an-argument');
  expect(Math.abs(ps!.startedAtS - proc!.startedAtS)).toBeLessThanOrEqual(2);
});

test('ps finds nothing for a pid that no process has', async () => {
  expect(await findByPs(2_147_483_646)).toBeUndefined();
});
