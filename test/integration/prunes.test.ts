import { expect, test } from '@jest/globals';
import { seedPast } from '../housekeeping/retention/retained.ts';
import { startDaemon } from '../support/daemon.ts';
import { runDaemon } from '../support/in-process-daemon.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

const count = async () => (await database.query<{ n: number }>('SELECT count(*)::int AS n FROM delegations'))[0]!.n;
const crons = () => database.query(`SELECT cron, timezone FROM pgboss.schedule WHERE name = 'delegation-prune'`);

test('a daemon with a retention prunes by its schedule; a prune that a stop cut off goes on in another one; without one the schedule goes', async () => {
  const ROWS = 300;
  await seedPast(
    database,
    Array.from({ length: ROWS }, (_, i) => ({ id: `d-${i}`, status: 'completed', created: 40 }) as const),
  );
  const env = { RETENTION_DELEGATIONS: '30d' };
  {
    await using _ = await runDaemon(database.url, env);
    expect(await crons()).toEqual([{ cron: '23 * * * *', timezone: 'UTC' }]);
  }
  await database.query(`
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN OLD; END $$;
    CREATE TRIGGER slow BEFORE DELETE ON delegations FOR EACH ROW EXECUTE FUNCTION slow()`);
  // As its cron does when it is due.
  await database.query(
    `INSERT INTO pgboss.job (name, policy, retry_limit) VALUES ('delegation-prune', 'exclusive', 5)`,
  );
  await using first = startDaemon(database.url, env);
  await waitFor('the prune to have begun', async () => (await count()) < ROWS);
  first.child.kill('SIGTERM');
  expect(await first.child.exit).toMatchObject({ code: 0 });
  expect(first.events('prune.completed')).toMatchObject([{ trigger: 'cron', interrupted: true }]);
  expect(await count()).toBeGreaterThan(0);
  await using second = startDaemon(database.url, env);
  const completed = await second.until('prune.completed', ({ interrupted }) => !interrupted, { timeoutMs: 60_000 });
  expect(completed.delegations).toBeGreaterThan(0);
  expect(await count()).toBe(0);
  await second[Symbol.asyncDispose]();
  await using _ = await runDaemon(database.url);
  expect(await crons()).toEqual([]);
});
