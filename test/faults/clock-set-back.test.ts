import { expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runDaemon } from '../support/in-process-daemon.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_S = 3_600;
/** A tick, the time that it may take, and the checks for it. */
const TICK_MS = 120_000;

/** Sets the clock that pg-boss uses to this many seconds from the server's own, from the next statement on. */
const setClock = (database: TestDatabase, seconds: number) =>
  database.query(`
    CREATE OR REPLACE FUNCTION pgboss.job_now() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT now() + interval '${seconds} seconds' $$`);

async function liveThrough(...clocks: readonly number[]) {
  await using database = await createTestDatabase();
  await using daemon = await runDaemon(database.url);
  const ticks = () => daemon.events('sweep.completed').filter(({ trigger }) => trigger === 'cron').length;
  const nextTick = async (which: string) => {
    const before = ticks();
    await waitFor(`the tick ${which}`, () => ticks() > before, { timeoutMs: TICK_MS });
  };
  await nextTick('before');
  for (const seconds of clocks) {
    await setClock(database, seconds);
    await nextTick(`after the clock was set to ${seconds} s`);
    await nextTick(`after that, at ${seconds} s`);
  }
  expect(daemon.events('pgboss.error')).toEqual([]);
  expect(daemon.events('sweep.failed')).toEqual([]);
}

test(
  "the database's clock set back by five minutes or an hour, or forward by one and back again: the ticks go on",
  async () => {
    await Promise.all([liveThrough(-300), liveThrough(-HOUR_S), liveThrough(HOUR_S, 0)]);
  },
  6 * TICK_MS,
);
