import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { freePort } from '../../deploy/verify/free-port.ts';
import { spawnNode } from '../support/child.ts';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const root = path.resolve(import.meta.dirname, '../..');
const sources = pathToFileURL(path.join(import.meta.dirname, 'sources.ts')).href;

/** An example as it stands. */
function example(name: string, env: Record<string, string>) {
  return spawnNode(['--import', sources, path.join(root, 'examples', name)], {
    env: { DATABASE_URL: database.url, ...env },
  });
}

async function delegations(): Promise<string[]> {
  const rows = await database.query<{ id: string }>('SELECT delegation_id AS id FROM delegations');
  return rows.map(({ id }) => id);
}

test('the caller and the agent of the examples share one delegation, which is completed', async () => {
  const port = await freePort();
  await using callee = example('a2a-callee.ts', { PORT: String(port) });
  await callee.waitForLine((line) => line.includes('coder listens'));
  await using caller = example('a2a-caller.ts', { AGENT_URL: `http://127.0.0.1:${port}` });
  expect([await caller.exit, caller.stderrLines]).toEqual([{ code: 0, signal: null }, []]);
  expect(caller.stdoutLines.slice(0, 3)).toEqual(['TASK_STATE_WORKING', 'artifact patch', 'TASK_STATE_COMPLETED']);
  expect(caller.stdoutLines.join('\n')).toContain("status: 'completed'");
  const [id, ...others] = await delegations();
  expect(others).toEqual([]);
  expect(await testLedger(database.db).ledger.get(id!)).toMatchObject({
    callerId: 'planner',
    calleeId: 'coder',
    taskPreview: 'fix the build',
    status: 'completed',
    resultPreview: 'all green',
  });
  callee.kill('SIGTERM');
  expect([await callee.exit, callee.stderrLines]).toEqual([{ code: 0, signal: null }, []]);
});

test('the caller of the examples gives its call up when the ledger says that the agent has died', async () => {
  const port = await freePort();
  await using callee = example('a2a-callee.ts', { PORT: String(port), WORK_MS: '600000' });
  await callee.waitForLine((line) => line.includes('coder listens'));
  await using caller = example('a2a-caller.ts', { AGENT_URL: `http://127.0.0.1:${port}` });
  await caller.waitForLine((line) => line === 'TASK_STATE_WORKING');
  callee.kill('SIGKILL');
  await callee.exit;
  const { ledger } = testLedger(database.db);
  const [id] = await delegations();
  // As the sweep does.
  await waitFor('the mark', async () => {
    const { outcome } = await ledger.setStatus(id!, 'stuck', { errorDetail: 'no heartbeat for 600s' });
    return outcome === 'changed' || outcome === 'unchanged';
  });
  expect([await caller.exit, caller.stderrLines]).toEqual([{ code: 0, signal: null }, []]);
  expect(caller.stdoutLines).toContain('given up: no heartbeat for 600s');
  expect(caller.stdoutLines.join('\n')).toContain("status: 'stuck'");
});
