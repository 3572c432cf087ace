import { expect, test } from '@jest/globals';
import { openLedger } from '../../src/index.ts';
import { startDaemon } from '../support/daemon.ts';
import { waitFor } from '../support/wait-for.ts';
import { useCitusLedger } from './citus-ledger.ts';
import { stopWorker } from './worker.ts';

const suffering = useCitusLedger({ restarts: true });
const other = useCitusLedger({ restarts: true });
const STUCK_AFTER_MS = 10_000;
const HEARTBEAT_MS = 500;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const task = { callerId: 'caller', calleeId: 'callee', taskPreview: 'task' };

test('while a worker is down its ledgers are, the others are served, and none of its agents is marked', async () => {
  const [worker, another] = [await suffering.node(), await suffering.otherNode()];
  await other.moveTo(another);
  await using daemon = startDaemon(suffering.url, {
    DB_SCHEMAS: `${suffering.schema},${other.schema}`,
    STUCK_AFTER: `${STUCK_AFTER_MS / 1000}s`,
    SWEEP_CRON: '* * * * *',
  });
  await daemon.until('ops.listening');
  const options = { heartbeatMinIntervalMs: 1, logger: silent };
  await using agents = await openLedger(suffering.url, { ...options, schema: suffering.schema });
  await using others = await openLedger(other.url, { ...options, schema: other.schema });
  for (const ledger of [agents, others]) {
    await ledger.insert({ delegationId: 'works', ...task });
    await ledger.setStatus('works', 'in_progress');
  }
  await using _ = agents.keepAlive('works', { everyMs: HEARTBEAT_MS });
  await using __ = others.keepAlive('works', { everyMs: HEARTBEAT_MS });
  // Both are served before anything breaks.
  for (const { schema, query } of [suffering, other])
    await waitFor(`a beat of ${schema}`, async () => {
      const rows = await query<{ beat: Date | null }>(`SELECT beat_at AS beat FROM ${schema}.sweeper_state`);
      return rows[0]!.beat !== null;
    });
  await using down = await stopWorker(suffering.url, worker);
  const downSinceMs = performance.now();
  // It refuses new sessions a moment before it ends the others.
  await waitFor('heartbeats to fail', async () => (await agents.heartbeat('works')).outcome === 'failed');
  await expect(agents.get('works')).rejects.toThrow();

  // The other one goes on: agents work, and whoever is silent is marked.
  await others.insert({ delegationId: 'silent', ...task });
  await others.setStatus('silent', 'in_progress');
  await waitFor(
    'the other ledger to mark its silent one',
    async () => (await others.get('silent'))?.status === 'stuck',
    { timeoutMs: 90_000 },
  );
  expect(performance.now() - downSinceMs).toBeGreaterThan(STUCK_AFTER_MS);
  await down.back();

  // Heard again: nobody was marked meanwhile, and the daemon goes on.
  await waitFor('the agent to be heard', async () => (await agents.heartbeat('works')).outcome === 'stamped', {
    timeoutMs: 60_000,
  });
  await agents.insert({ delegationId: 'silent', ...task });
  await agents.setStatus('silent', 'in_progress');
  await waitFor('the ledger to be served again', async () => (await agents.get('silent'))?.status === 'stuck', {
    timeoutMs: 120_000,
  });
  for (const ledger of [agents, others])
    expect(await ledger.heartbeat('works')).toMatchObject({ outcome: 'stamped', status: 'in_progress' });
  expect(daemon.events('delegation.stuck').map(({ delegationId }) => delegationId)).toEqual(['silent', 'silent']);
}, 400_000);
