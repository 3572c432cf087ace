import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { cataloguedLines } from '../support/catalogued.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

/** The daemon's sessions, whatever they do. */
async function sessions(): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `SELECT application_name AS name FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'delegation-sweeper%' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

async function expectStopped({ child, events }: TestDaemon, signal: NodeJS.Signals): Promise<void> {
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stderrLines).toEqual([]);
  expect(events('daemon.stopping')).toMatchObject([{ signal }]);
  expect(events('daemon.stopped')).toMatchObject([{ reason: signal }]);
  expect(cataloguedLines(child.stdoutLines).at(-1)?.event).toBe('daemon.stopped');
  await waitFor('its sessions to end', async () => (await sessions()).length === 0);
}

describe('the daemon', () => {
  test('sweeps at its start, and a SIGTERM ends it with 0, logged, and leaves no session', async () => {
    const silent = await seedDelegation(database, { silentSeconds: 700 });
    const alive = await seedDelegation(database, { silentSeconds: 10 });
    await using daemon = startDaemon(database.url);
    expect(await daemon.until('sweep.completed')).toMatchObject({ trigger: 'startup', stuck: 1, failed: 0 });
    expect(daemon.events('delegation.stuck')).toMatchObject([{ delegationId: silent, stuckAfterMs: 600_000 }]);
    expect(daemon.events('daemon.started')).toHaveLength(1);
    expect(await database.query('SELECT status FROM delegations WHERE delegation_id = $1', [alive])).toEqual([
      { status: 'in_progress' },
    ]);
    expect(await sessions()).toEqual(expect.arrayContaining(['delegation-sweeper', 'delegation-sweeper pg-boss']));
    daemon.child.kill('SIGTERM');
    await expectStopped(daemon, 'SIGTERM');
  });

  test('a terminal that closes (SIGHUP) causes a graceful stop as well', async () => {
    await using daemon = startDaemon(database.url);
    await daemon.until('sweep.completed');
    daemon.child.kill('SIGHUP');
    await expectStopped(daemon, 'SIGHUP');
  });

  test('a Ctrl-C that arrives twice at once, as it does under npm, is one graceful stop', async () => {
    await using daemon = startDaemon(database.url);
    await daemon.until('sweep.completed');
    daemon.child.kill('SIGINT');
    daemon.child.kill('SIGINT');
    await expectStopped(daemon, 'SIGINT');
  });

  test('nor does a second one shorten the stop that the first has begun', async () => {
    await using daemon = startDaemon(database.url);
    await daemon.until('sweep.completed');
    daemon.child.kill('SIGINT');
    // Repeated while the stop goes on, but within the second in which it counts as the same signal.
    await daemon.until('daemon.stopping');
    daemon.child.kill('SIGINT');
    await expectStopped(daemon, 'SIGINT');
  });

  test('a later second signal ends it at once, though a sweep would delay the stop', async () => {
    await seedDelegation(database, { silentSeconds: 700 });
    const keeper = await database.connect();
    await keeper.query('BEGIN; LOCK TABLE activity_logs');
    await using daemon = startDaemon(database.url);
    await waitFor('its sweep to wait', async () => {
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      return (await database.query(waiting)).length > 0;
    });
    daemon.child.kill('SIGINT');
    await daemon.until('daemon.stopping');
    let ended = false;
    void daemon.child.exit.then(() => {
      ended = true;
    });
    await waitFor('it to end, asked again and again', async () => {
      daemon.child.kill('SIGINT');
      await sleep(200);
      return ended;
    });
    expect(await daemon.child.exit).toEqual({ code: 0, signal: null });
    expect(daemon.events('daemon.stopped')).toEqual([]);
    await keeper.query('ROLLBACK');
    await waitFor('its sessions to end', async () => (await sessions()).length === 0);
  });

  test('SIGTERM before it has started is a graceful stop as well', async () => {
    await using daemon = startDaemon(database.url);
    await daemon.until('daemon.started');
    daemon.child.kill('SIGTERM');
    await expectStopped(daemon, 'SIGTERM');
  });

  test('when stopped during a sweep it ends between two batches; the next daemon does the rest', async () => {
    const ROWS = 60;
    for (let i = 0; i < ROWS; i += 1) await seedDelegation(database, { silentSeconds: 700 });
    await database.query(`
      CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$;
      CREATE TRIGGER slow BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION slow()`);
    await using first = startDaemon(database.url, { SWEEP_BATCH_SIZE: '5' });
    await first.until('delegation.stuck');
    first.child.kill('SIGTERM');
    await expectStopped(first, 'SIGTERM');
    const marked = first.events('delegation.stuck').length;
    expect(marked).toBeLessThan(ROWS);
    expect(marked % 5).toBe(0);
    const stuck = `SELECT count(*)::int AS n FROM delegations WHERE status = 'stuck'`;
    expect(await database.query(stuck)).toEqual([{ n: marked }]);

    await using second = startDaemon(database.url);
    await second.until('sweep.completed', ({ truncated }) => !truncated);
    expect(await database.query(stuck)).toEqual([{ n: ROWS }]);
    expect(second.events('delegation.stuck')).toHaveLength(ROWS - marked);
  });
});
