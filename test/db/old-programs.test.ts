import { expect, test } from '@jest/globals';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { capturedLog, testSweeper } from '../support/fixtures.ts';
import { oldStatements } from '../support/old-statements.ts';
import { useDatabase } from '../support/use-database.ts';

// The agents and the daemon of 0.1.0 on a ledger of today: during a rollout they work side by side.
const database = useDatabase({ per: 'test' });
const send = (name: keyof typeof oldStatements, ...parameters: unknown[]) =>
  database.query<Record<string, unknown>>(oldStatements[name], parameters);

const insert = (id: string, deadlineMs = 3_600_000) =>
  send('insert', id, 'caller', 'callee', 'task', null, null, deadlineMs, null);
const toInProgress = (id: string) => send('toInProgress', id, null, 'ledger', '{}', null, '{}');
const nowUs = () => Date.now() * 1000;
const statuses = async () =>
  Object.fromEntries(
    (
      await database.query<{ id: string; status: string }>(
        'SELECT delegation_id AS id, status FROM delegations ORDER BY 1',
      )
    ).map(({ id, status }) => [id, status]),
  );
const silent = (id: string, interval: string) =>
  database.query('UPDATE delegations SET last_heartbeat = last_heartbeat - $2::interval WHERE delegation_id = $1', [
    id,
    interval,
  ]);

test("an agent of 0.1.0 records a delegation's whole life, with heartbeats one by one and together", async () => {
  await insert('a');
  await insert('b');
  expect(await toInProgress('a')).toMatchObject([{ from: 'queued' }]);
  await toInProgress('b');
  await silent('a', '1 minute');
  expect(await send('heartbeat', 'a', 15_000)).toMatchObject([
    { answer: { delegationId: 'a', status: 'in_progress', stamped: true, due: true, terminal: false } },
  ]);
  await silent('b', '1 minute');
  expect(await send('heartbeatMany', ['a', 'b', 'unknown'], 15_000)).toHaveLength(2);
  expect(
    await database.query(
      `SELECT delegation_id FROM delegations WHERE last_heartbeat < clock_timestamp() - interval '30 seconds'`,
    ),
  ).toEqual([]);
  await send('toCompleted', 'a', 'result', 'ledger', '{"resultPreview":"result"}', null, '{}');
  await send('toFailed', 'b', 'broken', 'ledger', '{"errorDetail":"broken"}', null, '{}');
  await send('toCompleted', 'b', 'late', 'ledger', '{"resultPreview":"late"}', null, '{"attempted":"completed"}');
  expect(await statuses()).toEqual({ a: 'completed', b: 'failed' });
  expect((await send('history', 'b')).map(({ event }) => event)).toEqual([
    'delegation.queued',
    'delegation.in_progress',
    'delegation.failed',
    'delegation.late_result',
  ]);
});

test('an agent of 0.1.0 paces itself by the threshold that a daemon of today judges by', async () => {
  await insert('a');
  await toInProgress('a');
  const { log } = capturedLog();
  await new Beat(database.db, log, 120_000).leave();
  expect(await send('heartbeat', 'a', 15_000)).toMatchObject([{ answer: { stuckAfterMs: 120_000 } }]);
  expect(await send('heartbeatMany', ['a'], 15_000)).toMatchObject([{ stuckAfterMs: 120_000 }]);
});

test('a daemon of 0.1.0 beats, finds its gap, marks by both rules, holds a storm and keeps its sweep', async () => {
  for (const id of ['silent', 'living']) {
    await insert(id);
    await toInProgress(id);
  }
  await insert('overdue', 1);
  await silent('silent', '20 minutes');
  await send('beat', 600_000, 30_000);
  await database.query(`UPDATE sweeper_state SET beat_at = beat_at - interval '1 minute'`);
  expect(await send('beat', 600_000, 30_000)).toMatchObject([{ startUs: expect.any(Number) }]);
  expect(await database.query('SELECT kind FROM sweeper_gaps')).toEqual([{ kind: 'unwatched' }]);

  expect(await send('open', 'old sweep')).toMatchObject([{ leaseId: 'old sweep', heldSinceUs: null }]);
  const [now, horizon] = [nowUs(), nowUs() - 660_000_000];
  const batch = [now, horizon, 'old sweep', 600_000, 10, [], '-Infinity', '', now, 'zzz'];
  expect(await send('markOverdue', ...batch)).toMatchObject([{ delegationId: 'overdue' }]);
  expect(await send('markStale', ...batch)).toMatchObject([{ delegationId: 'silent' }]);
  await send('storm', now, null);
  await send('close', 'old sweep', now, 'cron', 1, 1, 0, 0, false, true, 2, 5, 60_000, '[]', '[]', true);
  expect(await statuses()).toEqual({ silent: 'stuck', living: 'in_progress', overdue: 'failed' });

  // One of today takes over, with the hold that the old one has begun.
  const { sweeper, events } = testSweeper(database.db, { storm: { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 } });
  expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0, failed: 0, held: false });
  expect(events('sweep.released')).toMatchObject([{ why: 'calm' }]);
  // And the old one has lost its lease.
  await silent('living', '20 minutes');
  expect(await send('markStale', ...batch)).toMatchObject([{ delegationId: null }]);
});

test('a heartbeat of the future, as a host with a wrong clock stamps it, is taken back for a daemon of 0.1.0, too', async () => {
  await insert('a');
  await toInProgress('a');
  await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp() + interval '1 year'`);
  await silent('a', '20 minutes');
  await send('open', 'old sweep');
  const now = nowUs();
  const batch = [now, now - 600_000_000, 'old sweep', 600_000, 10, [], '-Infinity', '', now, 'zzz'];
  expect(await send('markStale', ...batch)).toMatchObject([{ delegationId: 'a' }]);
});
