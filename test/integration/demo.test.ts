import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cataloguedLines, eventsOf, type LineOf } from '../support/catalogued.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { processesWith } from '../support/processes.ts';
import { startProgram } from '../support/program.ts';
import { waitFor } from '../support/wait-for.ts';

/** Above the demo's own limit. */
const DEMO_MS = 180_000;

/** The demo's TMPDIR: it holds its server's files, and identifies its processes. */
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'test-demo-'));
  await chmod(dir, 0o755);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const expected = {
  ...Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`finisher-${n}`, 'completed'])),
  ...Object.fromEntries([1, 2, 3].map((n) => [`victim-${n}`, 'stuck'])),
  zombie: 'stuck',
  runaway: 'failed',
  quitter: 'failed',
  absentee: 'failed',
  successor: 'completed',
};

function endings(results: readonly LineOf<'demo.result'>[]) {
  return Object.fromEntries(results.map(({ agent, status }) => [agent, status]));
}

async function expectNothingLeft(): Promise<void> {
  await waitFor('its processes to end', async () => (await processesWith(dir)).length === 0);
  expect(await readdir(dir)).toEqual([]);
}

async function schemas(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ name: string }>('SELECT nspname AS name FROM pg_namespace ORDER BY 1');
  return rows.map(({ name }) => name);
}

describe('the demo', () => {
  test(
    'without a database runs on one of its own, every delegation ends as it should, and nothing is left',
    async () => {
      await using child = startProgram(['demo'], { TMPDIR: dir });
      const exit = await child.exit;
      const results = eventsOf(child.stdoutLines, 'demo.result');
      expect(results.filter(({ asExpected, problems }) => !asExpected || problems.length > 0)).toEqual([]);
      expect(endings(results)).toEqual(expected);
      expect(child.stderrLines).toEqual([]);
      expect(exit).toEqual({ code: 0, signal: null });
      expect(results.filter(({ lateResult }) => lateResult).map(({ agent }) => agent)).toEqual(['zombie']);
      // Its orchestrator watched, and tried again what was killed first.
      expect(results.filter(({ attempt }) => attempt > 1)).toMatchObject([{ agent: 'successor', attempt: 2 }]);
      const retried = eventsOf(child.stdoutLines, 'demo.agent').filter(({ act }) => act === 'retried');
      expect(retried.map(({ agent }) => agent)).toEqual(['victim-1']);
      expect(eventsOf(child.stdoutLines, 'demo.completed')).toMatchObject([
        { agents: 13, asExpected: 13, unexpected: [], timedOut: false },
      ]);
      await expectNothingLeft();
    },
    DEMO_MS,
  );

  test(
    'with a database works in two schemas of its own, shows what was marked and why, and drops them',
    async () => {
      await using database = await createTestDatabase();
      const before = await schemas(database);
      await using child = startProgram(['demo'], { TMPDIR: dir, DATABASE_URL: database.url });
      expect(await child.exit).toEqual({ code: 0, signal: null });
      const lines = child.stdoutLines;
      expect(endings(eventsOf(lines, 'demo.result'))).toEqual(expected);
      const marked = eventsOf(lines, 'delegation.stuck').map(({ calleeId, silentMs, stuckAfterMs }) => ({
        calleeId,
        silent: silentMs > stuckAfterMs,
      }));
      expect(marked.sort((a, b) => a.calleeId.localeCompare(b.calleeId))).toEqual(
        ['victim-1', 'victim-2', 'victim-3', 'zombie'].map((calleeId) => ({ calleeId, silent: true })),
      );
      const overdue = eventsOf(lines, 'delegation.deadline_exceeded').map(({ calleeId }) => calleeId);
      expect(overdue.sort()).toEqual(['absentee', 'runaway']);
      // Through the daemon's own queue: its start-up sweep, then the requested ones.
      const triggers = new Set(eventsOf(lines, 'sweep.completed').map(({ trigger }) => trigger));
      expect(triggers).toContain('startup');
      expect(triggers).toContain('manual');
      expect(await schemas(database)).toEqual(before);
      expect(await database.query('SELECT * FROM delegations')).toEqual([]);
      await expectNothingLeft();
    },
    DEMO_MS,
  );

  test(
    'interrupted, ends its agents and drops its schemas',
    async () => {
      await using database = await createTestDatabase();
      const before = await schemas(database);
      await using child = startProgram(['demo'], { TMPDIR: dir, DATABASE_URL: database.url });
      await child.waitForLine((line) => line.includes('"paused"'), { timeoutMs: DEMO_MS });
      expect((await processesWith(dir)).length).toBeGreaterThan(1);
      child.kill('SIGINT');
      expect(await child.exit).toEqual({ code: 130, signal: null });
      expect(child.stderrLines).toEqual(['The demo was interrupted; its agents and its data are gone.']);
      cataloguedLines(child.stdoutLines);
      expect(await schemas(database)).toEqual(before);
      await expectNothingLeft();
    },
    DEMO_MS,
  );

  test(
    'killed, leaves no agent and no server behind, not even the agent that is stopped',
    async () => {
      await using child = startProgram(['demo'], { TMPDIR: dir }, { detached: true });
      await child.waitForLine((line) => line.includes('"paused"'), { timeoutMs: DEMO_MS });
      process.kill(child.pid, 'SIGKILL');
      await child.exit;
      await waitFor('its processes to end', async () => (await processesWith(dir)).length === 0);
    },
    DEMO_MS,
  );

  test('a database that cannot be reached is reported at once', async () => {
    await using child = startProgram(['demo'], { DATABASE_URL: 'postgresql://demo:hush@127.0.0.1:1/demo' });
    expect(await child.exit).toEqual({ code: 69, signal: null });
    expect(child.stderrLines.join()).toMatch(/^The database is not available: .*ECONNREFUSED/);
    expect([...child.stdoutLines, ...child.stderrLines].join()).not.toContain('hush');
  });
});
