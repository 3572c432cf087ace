/**
 * Run with --expose-gc: sweeps this database this many times, twice, by this threshold in milliseconds, and prints by how many
 * bytes the heap grew each time. The second time a kilobyte is kept for each sweep.
 */
import { openDatabase } from '../../src/db/database.ts';
import { createEventLog } from '../../src/log/event-log.ts';
import { createLogger } from '../../src/log/logger.ts';
import { Sweeper } from '../../src/sweeper/sweeper.ts';
import { prepareStatementsIn } from '../support/prepared-statements.ts';

const [url = '', count = '0', threshold = ''] = process.argv.slice(2);
const stuckAfterMs = Number(threshold);
const WARM_UP = 50;
const PARTS = 5;

// What the server does is not looked at here.
prepareStatementsIn(decodeURIComponent(new URL(url).pathname.slice(1)));

function usedBytes(): number {
  const { gc } = globalThis as { gc?: () => void };
  if (!gc) throw new Error('run with --expose-gc');
  gc();
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

await using handle = openDatabase({
  location: { url },
  max: 2,
  applicationName: 'sweep-many',
  queryTimeoutMs: 60_000,
  schema: 'public',
});
const log = createEventLog(createLogger({ level: 'silent' }));
const sweeper = new Sweeper(handle.db, log, {
  stuckAfterMs,
  batchRowsMax: 100,
  rowsMax: 1_000,
  storm: { minStale: 20, ratio: 0.5, maxHoldMs: stuckAfterMs },
});
const sweepTimes = async (times: number, after: () => void = () => {}) => {
  const before = usedBytes();
  for (let i = 0; i < times; i += 1) {
    await sweeper.sweep({ trigger: 'manual' });
    after();
  }
  return usedBytes() - before;
};
/** By the median of five parts: what is needed once, such as the report of a long lock, is in one of them; a leak is in each. */
const growth = async (after?: () => void) => {
  const parts: number[] = [];
  for (let part = 0; part < PARTS; part += 1) parts.push(await sweepTimes(Number(count) / PARTS, after));
  return parts.toSorted((a, b) => a - b)[Math.floor(PARTS / 2)]! * PARTS;
};
await sweepTimes(WARM_UP);
const grown = await growth();
const kept: Buffer[] = [];
const grownWithLeak = await growth(() => void kept.push(Buffer.alloc(1024, kept.length)));
process.stdout.write(`${JSON.stringify({ grown, grownWithLeak, kept: kept.length })}\n`);
