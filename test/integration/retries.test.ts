import { expect, test } from '@jest/globals';
import { startDaemon } from '../support/daemon.ts';
import { countByStatus, notEndedOnce, seedFleet } from '../support/seed-fleet.ts';
import { unpaired } from '../support/unpaired.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

test('two daemons that try again what they mark, one killed in the middle: each mark has its retry, and only one', async () => {
  const ROWS = 400;
  await seedFleet(database, { rows: ROWS, silentSeconds: 700 });
  // Every retry takes a moment, so that a kill comes between a mark and its retry.
  await database.query(`
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON delegations FOR EACH ROW EXECUTE FUNCTION slow()`);
  const env = { SWEEP_BATCH_SIZE: '10', RETRY_MAX_ATTEMPTS: '1' };
  await using first = startDaemon(database.url, env);
  await using second = startDaemon(database.url, env);
  const daemons = [first, second];
  const victim = await waitFor('a daemon in the middle of its sweep', () =>
    daemons.find((daemon) => daemon.events('delegation.stuck').length >= 30),
  );
  victim.child.kill('SIGKILL');
  await victim.child.exit;
  await waitFor('its sessions to end', async () => {
    const active = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
    return (await database.query(active)).length === 0;
  });
  expect(await unpaired(database, 1)).toEqual([]);
  const done = { stuck: ROWS, queued: ROWS };
  await waitFor('the rest', async () => (await countByStatus(database)).stuck === ROWS, { timeoutMs: 60_000 });
  expect(await countByStatus(database)).toEqual(done);
  expect(await unpaired(database, 1)).toEqual([]);
  expect(await notEndedOnce(database)).toEqual([]);
  const other = daemons.find((daemon) => daemon !== victim)!;
  const completed = await other.until('sweep.completed', ({ retried }) => retried > 0);
  expect(completed.retried).toBe(completed.stuck);
});
