import { describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { runDaemon } from '../support/in-process-daemon.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { SECRET, webhookReceiver } from '../support/webhook.ts';

const database = useDatabase({ per: 'test' });
const env = (url: string) => ({ WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET, WEBHOOK_ALLOW_PRIVATE: 'true' });

describe('a daemon with WEBHOOK_URL', () => {
  test('posts what its sweeps mark and the result that comes late, signed, in order, and without a preview', async () => {
    await using receiver = await webhookReceiver();
    await using daemon = await runDaemon(database.url, env(receiver.url));
    await waitFor('its queues', () => daemon.events('webhook.started').length === 1);
    const id = await seedDelegation(database, { delegationId: 'd-1', silentSeconds: 700 });
    await seedDelegation(database, { delegationId: 'd-2', status: 'dispatched', deadlineSeconds: -60 });
    await waitFor('the request to be taken', () => daemon.schedule.request('manual'));
    await waitFor('both marks', () => receiver.posts.length === 2);
    const { ledger } = testLedger(database.db);
    await ledger.setStatus(id, 'completed', { resultPreview: 's3cret result' });
    await waitFor('the late result', () => receiver.posts.length === 3);
    const events = receiver.posts.map(({ headers, body }) =>
      new Webhook(SECRET).verify(body, headers as Record<string, string>),
    );
    expect(
      events.map((event) => [(event as { type: string }).type, (event as { subject: string }).subject]).toSorted(),
    ).toEqual([
      ['delegation.failed.v1', 'd-2'],
      ['delegation.late_result.v1', 'd-1'],
      ['delegation.stuck.v1', 'd-1'],
    ]);
    expect((events.at(-1) as { type: string }).type).toBe('delegation.late_result.v1');
    const ids = await database.query<{ id: string }>(
      `SELECT activity_id::text AS id FROM activity_logs WHERE event IN ('delegation.stuck', 'delegation.failed', 'delegation.late_result')`,
    );
    expect(receiver.ids().toSorted()).toEqual(ids.map((row) => row.id).toSorted());
    expect(JSON.stringify(receiver.posts)).not.toContain('s3cret');
  });

  test('groups the marks of a sweep by callee, and each is in one post', async () => {
    await using receiver = await webhookReceiver();
    await using daemon = await runDaemon(database.url, { ...env(receiver.url), WEBHOOK_GROUP_BY: 'callee' });
    await waitFor('its queues', () => daemon.events('webhook.started').length === 1);
    for (let n = 0; n < 5; n += 1)
      await seedDelegation(database, { calleeId: n < 4 ? 'coder' : 'writer', silentSeconds: 700 });
    await waitFor('the request to be taken', () => daemon.schedule.request('manual'));
    await waitFor('five events', () => receiver.ids().length === 5);
    expect(receiver.posts.map(({ body }) => JSON.parse(body).length).toSorted()).toEqual([1, 4]);
  });

  test('goes on sweeping while its receiver stalls, and its posts hold no connection to the database', async () => {
    await using receiver = await webhookReceiver(() => {});
    await using daemon = await runDaemon(database.url, { ...env(receiver.url), SHUTDOWN_GRACE: '1s' });
    await waitFor('its queues', () => daemon.events('webhook.started').length === 1);
    const swept = () => daemon.events('sweep.completed').reduce((sum, { stuck }) => sum + Number(stuck), 0);
    for (let n = 0; n < 20; n += 1) await seedDelegation(database, { silentSeconds: 700 });
    await waitFor('the request to be taken', () => daemon.schedule.request('manual'));
    await waitFor('posts that stall', () => receiver.posts.length === 16);
    for (let round = 1; round <= 2; round += 1) {
      const before = daemon.events('sweep.completed').length;
      await seedDelegation(database, { silentSeconds: 700 });
      await waitFor('the request to be taken', () => daemon.schedule.request('manual'));
      await waitFor('the next sweep', () => daemon.events('sweep.completed').length > before && swept() === 20 + round);
    }
    expect(receiver.posts).toHaveLength(16);
    // pg-boss's own two are free: a post holds none.
    const busy = () =>
      database.query(
        `SELECT state, query FROM pg_stat_activity WHERE datname = current_database()
         AND application_name = 'delegation-sweeper pg-boss' AND state <> 'idle'`,
      );
    await waitFor('all connections of pg-boss to be free', async () => (await busy()).length === 0);
  });
});
