import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { spawnNode } from '../support/child.ts';
import { useDatabase } from '../support/use-database.ts';
import { STUCK_AFTER_MS, seedTrouble } from './trouble.ts';

const database = useDatabase({ per: 'test' });
const script = fileURLToPath(new URL('./sweep-many.ts', import.meta.url));

/** `npm run test:soak` sweeps 10,000 times, CI in a step of its own 1,000 times; `npm test` 100 times. */
const SWEEPS = Number(process.env.SOAK_SWEEPS ?? 100);
/** Without what V8 itself collects about functions the longer they run, and the code that it makes from that. */
const STEADY = ['--expose-gc', '--jitless', '--no-lazy-feedback-allocation'];
/** Half of the leak that must be found. */
const GROWTH_MAX_BYTES = SWEEPS * 512;

test(`memory is flat over ${SWEEPS} sweeps, with a poisoned row, a locked one and a held storm; a kilobyte kept by each would show`, async () => {
  await seedTrouble(database);
  await using child = spawnNode([...STEADY, script, database.url, String(SWEEPS), String(STUCK_AFTER_MS)]);
  expect(await child.exit).toEqual({ code: 0, signal: null });
  const { grown, grownWithLeak } = JSON.parse(child.stdoutLines.at(-1)!) as { grown: number; grownWithLeak: number };
  expect(grown).toBeLessThan(GROWTH_MAX_BYTES);
  expect(grownWithLeak).toBeGreaterThan(GROWTH_MAX_BYTES);
}, 600_000);
