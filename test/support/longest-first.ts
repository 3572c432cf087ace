import { statSync } from 'node:fs';
import path from 'node:path';

const tests = path.resolve(import.meta.dirname, '..');

/** The longest in front: they wait for ticks of a real minute, or take the most CPU time. */
const LONGEST = [
  'faults/clock-set-back',
  'integration/two-ledgers',
  'chaos/chaos',
  'sweeper/storm/storm-simulation',
  'sweeper/storm/storm-replay',
  'faults/memory',
  'integration/demo',
  'model/agreement',
  'model/mutants',
  'cli/migrate',
  'db/several-hosts',
  'integration/two-daemons',
  'integration/daemon-database',
  'sweeper/pass/batch-size',
  'sweeper/pass/poison',
  'sweeper/on-time/on-time',
  'sweeper/storm/own-thresholds',
  'embedded/embedded',
  'conformance/places',
  'cli/answer',
];

/** What Jest says of a test file, as far as it matters here. */
interface TestFile {
  readonly path: string;
}

const ranks = new Map(LONGEST.map((name, rank) => [path.join(tests, `${name}.test.ts`), rank]));
// A file that was renamed would lose its rank without a word.
for (const file of ranks.keys()) statSync(file);

/**
 * Jest's sequencer. Its own knows how long the files took the last time; in a fresh clone it does not, and a long one that
 * begins last leaves all workers but one idle. Here the long ones come first, then the rest by size.
 */
export default class LongestFirst {
  sort<File extends TestFile>(files: readonly File[]): File[] {
    return files
      .map((file) => ({ file, rank: ranks.get(file.path) ?? LONGEST.length, bytes: statSync(file.path).size }))
      .sort((a, b) => a.rank - b.rank || b.bytes - a.bytes)
      .map(({ file }) => file);
  }

  allFailedTests(): TestFile[] {
    return [];
  }

  cacheResults(): void {}
}
