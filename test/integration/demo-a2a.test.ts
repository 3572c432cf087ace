import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cataloguedLines, eventsOf } from '../support/catalogued.ts';
import { createTestDatabase } from '../support/database.ts';
import { processesWith } from '../support/processes.ts';
import { startProgram } from '../support/program.ts';
import { waitFor } from '../support/wait-for.ts';

/** Above the demo's own limit. */
const DEMO_MS = 180_000;

/** The demo's TMPDIR: it identifies its processes. */
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'test-demo-a2a-'));
  await chmod(dir, 0o755);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function expectNothingLeft(): Promise<void> {
  await waitFor('its processes to end', async () => (await processesWith(dir)).length === 0);
}

describe('the demo with A2A', () => {
  test(
    'ends each delegation as it should, shows why, and leaves nothing',
    async () => {
      await using database = await createTestDatabase();
      await using child = startProgram(['demo', '--a2a'], { TMPDIR: dir, DATABASE_URL: database.url });
      const exit = await child.exit;
      const lines = child.stdoutLines;
      const results = eventsOf(lines, 'demo.result');
      expect(results.filter(({ asExpected, problems }) => !asExpected || problems.length > 0)).toEqual([]);
      expect(Object.fromEntries(results.map(({ agent, status }) => [agent, status]))).toEqual({
        finisher: 'completed',
        victim: 'stuck',
        asker: 'completed',
        forgetter: 'failed',
        streamer: 'completed',
        orphan: 'completed',
      });
      expect([exit, child.stderrLines]).toEqual([{ code: 0, signal: null }, []]);
      expect(eventsOf(lines, 'delegation.stuck').map(({ delegationId, probe }) => [delegationId, probe])).toEqual([
        ['demo-victim', 'no_answer'],
      ]);
      const probed = eventsOf(lines, 'delegation.probed').map(
        ({ delegationId, outcome }) => `${delegationId} ${outcome}`,
      );
      expect(probed).toEqual(
        expect.arrayContaining(['demo-streamer alive', 'demo-streamer completed', 'demo-orphan completed']),
      );
      expect(eventsOf(lines, 'demo.completed')).toMatchObject([{ agents: 6, asExpected: 6, timedOut: false }]);
      expect(await database.query('SELECT FROM delegations')).toEqual([]);
      await expectNothingLeft();
    },
    DEMO_MS,
  );

  test(
    'interrupted, ends its servers and callers',
    async () => {
      await using database = await createTestDatabase();
      await using child = startProgram(['demo', '--a2a'], { TMPDIR: dir, DATABASE_URL: database.url });
      await child.waitForLine((line) => line.includes('"act":"working"'), { timeoutMs: DEMO_MS });
      expect((await processesWith(dir)).length).toBeGreaterThan(5);
      child.kill('SIGINT');
      expect(await child.exit).toEqual({ code: 130, signal: null });
      expect(child.stderrLines).toEqual(['The demo was interrupted; its agents and its data are gone.']);
      cataloguedLines(child.stdoutLines);
      await expectNothingLeft();
    },
    DEMO_MS,
  );
});
