import { expect, test } from '@jest/globals';
import { SWEEP_QUEUE } from '../../src/sweeper/schedule/schedule.ts';
import { startDaemon } from '../support/daemon.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
/** No tick comes in between. */
const env = { STUCK_AFTER: '10s', SWEEP_CRON: '0 0 1 1 *' };
/** A tick is a minute, and the current one may have just passed. */
const TICK_MS = 180_000;
/** Beside other tests several daemons take up to a minute to start and to end. */
const STARTS_MS = 180_000;

const statusOf = async (id: string) =>
  (await database.query<{ status: string }>('SELECT status FROM delegations WHERE delegation_id = $1', [id]))[0]!
    .status;
const toBeStuck = (id: string) =>
  waitFor(`${id} to be stuck`, async () => (await statusOf(id)) === 'stuck', { timeoutMs: 60_000 });
const up = (name: string) => {
  const url = new URL(database.url);
  url.searchParams.set('application_name', name);
  return startDaemon(url.href, env);
};
/** Each daemon asks for one. */
const sweepsAtStartToEnd = () =>
  waitFor('the sweeps at start to end', async () => {
    const open = `SELECT FROM pgboss.job WHERE name = $1 AND state < 'completed'`;
    return (await database.query(open, [SWEEP_QUEUE])).length === 0;
  });
/** Sweeps that marked anything, by trigger. */
const marking = () =>
  database.query<{ trigger: string; stuck: number }>('SELECT trigger, stuck FROM sweeper_sweeps WHERE stuck > 0');

test(
  'a daemon killed between its look and its sweep: another one sweeps on time, without a tick',
  async () => {
    // One after the other, so that each has its own sweep at start before anything is due.
    await using first = up('first');
    await waitFor('its sweep at start', () => first.events('sweep.completed').length > 0);
    await using second = up('second');
    await waitFor('its sweep at start', () => second.events('sweep.completed').length > 0);
    // What is due has been seen; the statement that takes the lease waits, and locks nothing yet.
    await database.query(`
    CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock_shared(4242); RETURN NULL; END $$;
    CREATE TRIGGER gate BEFORE UPDATE OF sweep_id ON sweeper_state FOR EACH STATEMENT EXECUTE FUNCTION gate()`);
    const keeper = await database.connect();
    await keeper.query('SELECT pg_advisory_lock(4242)');
    // Heard after the daemons lowered the threshold, so that it is judged by theirs.
    const id = await seedDelegation(database);
    const taker = await waitFor('one of them to take the lease', async () => {
      const taking = `SELECT application_name AS name FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()`;
      return (await database.query<{ name: string }>(taking))[0]?.name;
    });
    const [victim, other] = taker === 'first' ? [first, second] : [second, first];
    victim.child.kill('SIGKILL');
    await victim.child.exit;
    await keeper.query('SELECT pg_advisory_unlock(4242)');
    await toBeStuck(id);
    await waitFor('its sweep', async () => (await marking()).length > 0);
    expect(await marking()).toEqual([{ trigger: 'due', stuck: 1 }]);
    other.child.kill('SIGTERM');
    expect(await other.child.exit).toEqual({ code: 0, signal: null });
  },
  STARTS_MS,
);

test(
  'three daemons: what comes due at one instant is marked by one sweep between the ticks',
  async () => {
    const daemons = ['first', 'second', 'third'].map(up);
    try {
      await waitFor('all to be up', () => daemons.every((daemon) => daemon.events('daemon.started').length > 0));
      // Only then is what is seeded heard after the threshold was lowered, and judged by it.
      await waitFor('the beats of all', async () => {
        const beats = await database.query('SELECT FROM sweeper_daemons');
        return beats.length === daemons.length;
      });
      await waitFor('a sweep at start', () => daemons.some((daemon) => daemon.events('sweep.completed').length > 0));
      await sweepsAtStartToEnd();
      const ids = await Promise.all(Array.from({ length: 12 }, () => seedDelegation(database)));
      await database.query('UPDATE delegations SET last_heartbeat = (SELECT max(last_heartbeat) FROM delegations)');
      for (const id of ids) await toBeStuck(id);
      await waitFor('its sweep', async () => (await marking()).length > 0);
      expect(await marking()).toEqual([{ trigger: 'due', stuck: 12 }]);
    } finally {
      for (const { child } of daemons) child.kill('SIGTERM');
      for (const { child } of daemons) expect(await child.exit).toEqual({ code: 0, signal: null });
    }
  },
  STARTS_MS,
);

test(
  'SWEEP_ON_TIME=false: nothing looks between the ticks, and the tick finds what came due',
  async () => {
    await using daemon = startDaemon(database.url, {
      STUCK_AFTER: '1s',
      SWEEP_CRON: '* * * * *',
      SWEEP_ON_TIME: 'false',
    });
    await daemon.until('sweep.completed');
    const id = await seedDelegation(database);
    await daemon.until('delegation.stuck', undefined, { timeoutMs: TICK_MS });
    expect(await statusOf(id)).toBe('stuck');
    await waitFor('its sweep', async () => (await marking()).length > 0);
    expect(await marking()).toEqual([{ trigger: 'cron', stuck: 1 }]);
    expect(daemon.events('sweep.completed').filter(({ trigger }) => trigger === 'due')).toEqual([]);
  },
  TICK_MS + 30_000,
);
