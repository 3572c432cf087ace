import { statSync } from 'node:fs';
import path from 'node:path';

const tests = path.resolve(import.meta.dirname, '..');

/**
 * The longest in front, by turns one that waits for ticks of a real minute, or for its programs, and one that takes CPU time:
 * were all that wait at the same time, the cores would be idle.
 */
const LONGEST = [
  'chaos/chaos',
  'model/agreement',
  'faults/whole-daemon',
  'model/mutants',
  'faults/clock-set-back',
  'faults/memory',
  'docs/scaling',
  'sweeper/storm/storm-replay',
  'integration/two-ledgers',
  'ledger/list-plans',
  'a2a/conversations/conversations',
  'doctor/fresh',
  'docs/operating',
  'sweeper/pass/batch-size',
  'db/settings',
  'webhook/webhooks',
  'sweeper/explanation/agreement',
  'integration/two-daemons',
  'doctor/findings',
  'integration/demo',
  'db/plans',
  'sweeper/on-time/on-time',
  'integration/ledgers',
  'db/several-hosts',
  'model/two-ledgers',
  'faults/restart',
  'conformance/conformance',
  'integration/on-time',
  'sweeper/on-time/resting',
  'cli/answer',
  'integration/npm-start',
  'db/relocation',
  'integration/daemon-database',
  'conformance/places',
  'integration/demo-a2a',
  'ops/tracing',
  'embedded/embedded',
  'faults/schema-dropped',
  'sweeper/pass/poison',
  'integration/replicas',
  'housekeeping/retention/pruner',
  'integration/daemon-lifecycle',
  'faults/agent-outage',
  'sweeper/pass/cost',
  'integration/retries',
  'upgrade/under-load',
  'faults/sqlstates',
  'upgrade/old-programs',
  'ledger/watch/watch-ids',
  'upgrade/contents',
  'sweeper/storm/storm-simulation',
  'db/citus/node',
  'ledger/keep-alive-rounds',
  'faults/half-open',
  'cli/retry',
  'a2a/conversations/odd-agents',
  'faults/idle-session',
  'integration/clock',
  'sweeper/standing-faults/reports',
  'cli/migrate',
  'cli/schema-names',
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
