import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { ORCHESTRATOR, Orchestrator } from '../../src/demo/orchestrator.ts';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase();

test('the orchestrator has begun when its first look is over, and hears each end from then on', async () => {
  const { ledger } = testLedger(database.db);
  const blocking = await database.connect();
  await blocking.query('BEGIN; LOCK TABLE activity_logs');
  const { signal } = new AbortController();
  await using orchestrator = new Orchestrator({
    ledger,
    secondAttempts: new Map(),
    signal,
    onRetried: () => undefined,
  });
  let hasBegun = false;
  const begun = orchestrator.begun().then(() => {
    hasBegun = true;
  });
  await waitFor('its first look to wait for the lock', async () => {
    const waiting = await database.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting.length > 0;
  });
  expect(hasBegun).toBe(false);
  await blocking.query('COMMIT');
  await begun;
  const delegationId = randomUUID();
  await ledger.insert({ delegationId, callerId: ORCHESTRATOR, calleeId: 'coder', taskPreview: 'task' });
  await ledger.setStatus(delegationId, 'failed');
  await orchestrator.ended(delegationId);
});
