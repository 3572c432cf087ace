import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { unreadyReasons } from '../../src/ops/readiness.ts';
import { testSweeper } from '../support/fixtures.ts';
import { newestMigration } from '../support/migration-names.ts';
import { startPasswordServer } from '../support/password-server.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor, waitUntilWaiting } from '../support/wait-for.ts';
import { startOps } from './running-ops.ts';

const at = (time: string) => new Date(`2026-07-28T${time}Z`);
const punctual = { now: at('12:03:30'), sweptAt: at('12:03:00'), nextAt: at('12:04:00'), dueSince: at('12:01:00') };

describe('the verdict on readiness', () => {
  test('ready: a sweep completed at the third latest tick, or later', () => {
    expect(unreadyReasons({ outdated: null, punctuality: punctual })).toEqual([]);
    expect(unreadyReasons({ outdated: null, punctuality: { ...punctual, sweptAt: punctual.dueSince } })).toEqual([]);
  });

  test('not ready a millisecond before that', () => {
    const late = { ...punctual, sweptAt: at('12:00:59.999') };
    expect(unreadyReasons({ outdated: null, punctuality: late })).toEqual([
      expect.objectContaining({ reason: 'not_sweeping', detail: expect.stringContaining('2026-07-28T12:00:59.999Z') }),
    ]);
  });

  test('not ready before the first sweep', () => {
    expect(unreadyReasons({ outdated: null, punctuality: { ...punctual, sweptAt: null } })).toEqual([
      expect.objectContaining({ reason: 'never_swept' }),
    ]);
  });
});

describe('what prevents readiness whatever the last sweep', () => {
  test('a sweep that lies in the future does not count: the clock was set back', () => {
    const ahead = { ...punctual, sweptAt: at('13:03:00') };
    expect(unreadyReasons({ outdated: null, punctuality: ahead })).toEqual([
      { reason: 'not_sweeping', detail: expect.stringContaining('lies in the future') },
    ]);
    const slewed = { ...punctual, sweptAt: at('12:03:30.900') };
    expect(unreadyReasons({ outdated: null, punctuality: slewed })).toEqual([]);
  });

  test('a standby, which has the sweeps of its primary', () => {
    const refusal = { reason: 'standby', remedy: 'connect to the primary' } as const;
    expect(unreadyReasons({ outdated: null, punctuality: punctual, refusal })).toEqual([
      { reason: 'standby', detail: 'connect to the primary' },
    ]);
  });
});

describe('health over HTTP', () => {
  const database = useDatabase({ per: 'test', replayed: false });
  const readiness = async (get: (path: string) => Promise<{ status: number; body: string }>) => {
    const { status, body } = await get('/readyz');
    return { status, ...(JSON.parse(body) as { ready: boolean; reasons: { reason: string; detail: string }[] }) };
  };

  test('is ready after a sweep by any replica, not before, and not when three ticks have passed since', async () => {
    await using ops = await startOps(database.url);
    expect(await readiness(ops.get)).toMatchObject({ status: 503, ready: false, reasons: [{ reason: 'never_swept' }] });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await waitFor('readiness', async () => (await readiness(ops.get)).ready);
    await database.query(`UPDATE sweeper_state SET swept_at = clock_timestamp() - interval '3 minutes'`);
    const late = await waitFor('unreadiness', async () => {
      const answer = await readiness(ops.get);
      return answer.ready ? null : answer;
    });
    expect(late).toMatchObject({ status: 503, reasons: [{ reason: 'not_sweeping' }] });
  });

  test('is not ready where writes are refused or rows are hidden, though a sweep completed a moment ago', async () => {
    await database.query('UPDATE sweeper_state SET swept_at = clock_timestamp()');
    await database.query(`ALTER DATABASE ${database.name} SET default_transaction_read_only = on`);
    await using ops = await startOps(database.url);
    expect(await readiness(ops.get)).toMatchObject({
      status: 503,
      reasons: [{ reason: 'read_only', detail: expect.stringContaining('takes no writes') }],
    });
  });

  test('three ticks of a daily schedule are three days', async () => {
    await using ops = await startOps(database.url, { SWEEP_CRON: '30 4 * * *', SWEEP_TZ: 'Europe/Berlin' });
    await database.query(`UPDATE sweeper_state SET swept_at = clock_timestamp() - interval '47 hours'`);
    expect(await readiness(ops.get)).toMatchObject({ status: 200, ready: true });
  });

  test('an outdated schema is named, with the remedy', async () => {
    await database.query('DELETE FROM delegation_sweeper_migrations WHERE name = $1', [newestMigration]);
    await using ops = await startOps(database.url);
    expect(await readiness(ops.get)).toMatchObject({
      status: 503,
      reasons: [{ reason: 'schema_outdated', detail: expect.stringContaining(`needs ${newestMigration}; run `) }],
    });
  });

  test('is not affected by readings of the page that wait, whatever connections they hold', async () => {
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await using ops = await startOps(database.url);
    const keeper = await database.connect();
    await keeper.query('BEGIN; LOCK TABLE delegations');
    const pages = [ops.get('/'), ops.get('/metrics')];
    await waitUntilWaiting(database, 2);
    expect(await readiness(ops.get)).toMatchObject({ status: 200, ready: true, reasons: [] });
    await keeper.query('ROLLBACK');
    await Promise.all(pages);
  });

  test('any number of requests uses four connections at most, one of them only for readiness, one for delegations', async () => {
    await using ops = await startOps(database.url);
    const paths = ['/', '/readyz', '/metrics', '/delegations', '/delegations/unknown'];
    await Promise.all(Array.from({ length: 90 }, (_, i) => ops.get(paths[i % paths.length]!)));
    const [row] = await database.query<{ sessions: number }>(
      `SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE application_name = 'delegation-sweeper ops'
       AND datname = current_database()`,
    );
    expect(row!.sessions).toBeGreaterThan(0);
    expect(row!.sessions).toBeLessThanOrEqual(4);
  });
});

describe('health while the database does not answer', () => {
  test('alive, not ready, and answered soon: the page and the metrics answer as well', async () => {
    // Accepts and never answers, like a network that drops packets.
    const mute = createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as AddressInfo;
    try {
      await using ops = await startOps(`postgresql://nobody@127.0.0.1:${port}/none`);
      expect(await ops.get('/livez')).toMatchObject({ status: 200, body: '{"alive":true}\n' });
      const ready = await ops.get('/readyz');
      expect(ready.status).toBe(503);
      expect(JSON.parse(ready.body).reasons).toEqual([
        { reason: 'database_unreachable', detail: 'no answer within 2000 ms' },
      ]);
      expect((await ops.get('/')).body).toContain('Database unreachable');
      expect((await ops.series()).get('delegation_sweeper_database_up')).toBe(0);
    } finally {
      mute.close();
    }
  });

  test('one that refuses is distinguished from one that is away, with what to do', async () => {
    await using server = await startPasswordServer();
    await using ops = await startOps(server.url('hush'));
    const { status, body } = await ops.get('/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(body).reasons).toEqual([
      {
        reason: 'database_refused',
        detail: expect.stringMatching(/password authentication failed .*28P01.*; check the/),
      },
    ]);
    expect(body).not.toContain('hush');
  });

  test('a refused connection is reported as such', async () => {
    await using ops = await startOps('postgresql://nobody:s3cret@127.0.0.1:1/none');
    const { status, body } = await ops.get('/readyz');
    expect(status).toBe(503);
    expect(JSON.parse(body).reasons).toEqual([
      { reason: 'database_unreachable', detail: expect.stringContaining('(ECONNREFUSED)') },
    ]);
    expect(body).not.toContain('s3cret');
  });
});
