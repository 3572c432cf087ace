import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { startDebianServer } from '../conformance/debian-server.ts';
import { createTestDatabase } from '../support/database.ts';
import { runDaemon } from '../support/in-process-daemon.ts';
import { clockEnvironment, writeClock } from '../support/settable-clock.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_S = 3_600;
/** A tick, the time that it may take, and the checks for it. */
const TICK_MS = 120_000;

/** A daemon on a server whose clock is set to these one after the other, in seconds ahead of the machine's. */
async function liveThrough(...clocks: readonly number[]) {
  await using undo = new AsyncDisposableStack();
  const dir = await mkdtemp(path.join(tmpdir(), 'clock-set-back-'));
  undo.defer(() => rm(dir, { recursive: true }));
  // The server's user reads it.
  await chmod(dir, 0o755);
  const clockFile = path.join(dir, 'clock');
  await writeClock(clockFile, 0);
  const server = await startDebianServer(undo, { env: clockEnvironment(clockFile)! });
  await using database = await createTestDatabase(server);
  await using daemon = await runDaemon(database.url);
  const ticks = () => daemon.events('sweep.completed').filter(({ trigger }) => trigger === 'cron').length;
  const nextTick = async (which: string) => {
    const before = ticks();
    await waitFor(`the tick ${which}`, () => ticks() > before, { timeoutMs: TICK_MS });
  };
  await nextTick('before');
  for (const seconds of clocks) {
    await writeClock(clockFile, seconds * 1000);
    await nextTick(`after the clock was set to ${seconds} s`);
    await nextTick(`after that, at ${seconds} s`);
  }
  const [row] = await database.query<{ ahead: number }>(
    'SELECT extract(epoch FROM clock_timestamp())::float8 - $1 AS ahead',
    [Date.now() / 1000],
  );
  expect(Math.abs(row!.ahead - clocks.at(-1)!)).toBeLessThan(60);
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
