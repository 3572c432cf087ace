import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { sweepWords } from '../../src/cli/sweep-words.ts';
import type { SweepSummary } from '../../src/sweeper/summary.ts';

const summary: SweepSummary = {
  sweepId: 's',
  stuck: 1,
  failed: 1,
  retried: 0,
  poisoned: 0,
  remaining: 0,
  truncated: false,
  held: false,
  heldBy: null,
  batches: 2,
  durationMs: 8,
  unobservedMs: 90_000,
  dryRun: true,
  rows: [
    { delegationId: 'short', rule: 'stale', silentMs: 817_225_811 },
    { delegationId: 'a-longer\x1b[2J', rule: 'overdue', overdueMs: 5_000 },
  ],
};

test('a terminal gets columns, a pipe single lines; ages are in human units, and ids are shown unchanged', () => {
  const lines = stripVTControlCharacters(sweepWords(summary, { terminal: true })).split('\n');
  expect(lines.slice(0, 2)).toEqual([
    'short            stuck: silent for 9 d 11 h',
    'a-longer\\x1b[2J  failed: deadline exceeded by 5 s',
  ]);
  expect(sweepWords(summary, { terminal: false }).split('\n')).toEqual([
    'short  stuck: silent for 9 d 11 h',
    'a-longer\\x1b[2J  failed: deadline exceeded by 5 s',
    'Would mark 1 stuck and 1 failed, in 2 batches and 8 ms; 0 remain.',
    '1 min 30 s that no daemon observed did not count as silence.',
  ]);
});

test('a row whose agent would be asked first is said to depend on it', () => {
  const rows = [{ delegationId: 'task', rule: 'stalled' as const, silentMs: 90_000, asked: true as const }];
  const [line] = sweepWords({ ...summary, rows }, { terminal: false }).split('\n');
  expect(line).toBe('task  stuck: no progress for 1 min 30 s, unless its agent, which is asked first, says otherwise');
});

test('a row that is tried again says so, and so does the sum', () => {
  const rows = [{ delegationId: 'again', rule: 'stale' as const, silentMs: 90_000, retried: true as const }];
  const lines = sweepWords({ ...summary, retried: 1, rows }, { terminal: false }).split('\n');
  expect(lines[0]).toBe('again  stuck: silent for 1 min 30 s, then tried again');
  expect(lines).toContain('1 of the stuck would be tried again by new delegations (RETRY_MAX_ATTEMPTS).');
});
