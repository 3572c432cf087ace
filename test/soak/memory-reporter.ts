import fs from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Preloaded into a daemon. SIGUSR2: collects garbage, and writes what memory is used as a line of JSON to standard error.
 * SIGWINCH: from then on a kilobyte is kept for each sweep that is logged as completed, as a leak would.
 */
setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const kept: Buffer[] = [];
let isLeaking = false;

for (const name of ['write', 'writeSync'] as const) {
  const write = fs[name] as (...args: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      const lines = isLeaking ? String(args[1]).split('"event":"sweep.completed"').length - 1 : 0;
      for (let line = 0; line < lines; line += 1) kept.push(Buffer.alloc(1024, line));
      return write(...args);
    },
  });
}

process.on('SIGUSR2', () => {
  gc();
  gc();
  const { heapUsed, external, rss } = process.memoryUsage();
  process.stderr.write(`${JSON.stringify({ usedBytes: heapUsed + external, rssBytes: rss, kept: kept.length })}\n`);
});
process.on('SIGWINCH', () => {
  isLeaking = true;
});
