import { statSync } from 'node:fs';
import path from 'node:path';

const tests = path.resolve(import.meta.dirname, '..');

/**
 * The longest in front, by turns one that waits for ticks of a real minute, or for its programs, and one that takes CPU time:
 * were all that wait at the same time, the cores would be idle.
 */
const LONGEST = [
  'faults/clock-set-back',
  'model/agreement',
  'integration/two-ledgers',
  'sweeper/storm/storm-replay',
  'chaos/chaos',
  'sweeper/storm/storm-simulation',
  'integration/on-time',
  'a2a/conversations/conversations',
  'integration/demo',
  'model/mutants',
  'db/several-hosts',
  'sweeper/pass/cost',
  'integration/daemon-database',
  'conformance/places',
  'faults/memory',
  'faults/whole-daemon',
  'model/two-ledgers',
  'db/settings',
  'sweeper/on-time/on-time',
  'cli/answer',
  'sweeper/pass/batch-size',
  'cli/migrate',
  'faults/restart',
  'a2a/conversations/odd-agents',
  'cli/embedded',
  'faults/sqlstates',
  'integration/two-daemons',
  'embedded/embedded',
  'faults/idle-session',
  'cli/schema-names',
  'faults/half-open',
  'integration/demo-a2a',
  'integration/npm-start',
  'integration/daemon-lifecycle',
  'integration/replicas',
  'integration/clock',
  'sweeper/standing-faults/reports',
  'sweeper/pass/poison',
  'ledger/list-plans',
  'cli/failed-start',
  'cli/usage',
  'cli/unavailable',
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
