import { expect, test } from '@jest/globals';
import { openDatabase } from '../../src/db/database.ts';
import type { Time } from '../../src/lifecycle/time.ts';
import { Availability } from '../../src/outage/availability.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import { Pulse } from '../../src/sweeper/schedule/pulse.ts';
import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { capturedLog, seedDelegation, testSweeper } from '../support/fixtures.ts';
import { addressOf, proxied } from '../support/proxied.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const HOUR_MS = 3_600_000;

/** Waits take no time: the clock jumps to their end. While `hold` is set they do not end at all. */
class TestTime implements Time {
  #nowMs = 0;
  readonly waitsMs: number[] = [];
  /** Resolved when the clock reaches the instant asked for. */
  readonly #alarms: Array<{ atMs: number; ring: () => void }> = [];
  #paused = Promise.resolve();

  now(): number {
    return this.#nowMs;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.waitsMs.push(ms);
    this.#nowMs += ms;
    for (const { ring } of this.#alarms.filter(({ atMs }) => atMs <= this.#nowMs)) ring();
    await this.#paused;
    signal.throwIfAborted();
  }

  /** Lets the clock run to that instant and stop there until it is released. */
  async until(atMs: number): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    await new Promise<void>((reached) => {
      this.#alarms.push({
        atMs,
        ring: () => {
          this.#paused = promise;
          reached();
        },
      });
    });
    this.#alarms.length = 0;
    return resolve;
  }
}

test('an hour of refusal on a test clock: tried again with bounded, jittered waits, each logged; then one gap, and nothing marked', async () => {
  const living = await seedDelegation(database, { silentSeconds: 5 });
  await using proxy = await TcpProxy.open(() => addressOf(database.url));
  await using handle = openDatabase({
    location: { url: proxied(database.url, proxy) },
    max: 2,
    applicationName: 'outage',
    queryTimeoutMs: 60_000,
    schema: 'public',
  });
  const { log, events } = capturedLog();
  const time = new TestTime();
  const availability = new Availability(log, time);
  const beat = new Beat(handle.db, log, 600_000);
  const pulse = new Pulse(beat, log, availability);
  await beat.leave();
  proxy.cut();
  const starting = pulse.start();
  const goOn = await time.until(HOUR_MS);

  // What took no time here was an hour for the database.
  await database.query(`UPDATE sweeper_state SET beat_at = beat_at - interval '1 hour'`);
  await database.query(`UPDATE delegations SET last_heartbeat = last_heartbeat - interval '1 hour'`);
  const failures = events('database.unavailable');
  expect(failures.map(({ attempt }) => attempt)).toEqual(failures.map((_, i) => i + 1));
  // Full jitter up to ten seconds: about one every five.
  expect(failures.length).toBeGreaterThan(HOUR_MS / 10_000);
  expect(failures.length).toBeLessThan(HOUR_MS / 2_500);
  const waits = failures.map(({ retryInMs }) => retryInMs as number);
  waits.forEach((ms, i) => {
    expect(ms).toBeLessThan(Math.min(10_000, 250 * 2 ** i));
  });
  expect(new Set(waits).size).toBeGreaterThan(waits.length / 2);
  expect(time.waitsMs).toEqual(waits);
  for (const { err, level } of failures) {
    expect(level).toBe('error');
    expect(['ECONNREFUSED', 'ECONNRESET', null]).toContain((err as { code: string | null }).code);
  }

  proxy.restore();
  goOn();
  await starting;
  expect(events('database.recovered')).toHaveLength(1);
  expect(events('database.recovered')[0]!.outageMs).toBeGreaterThanOrEqual(HOUR_MS);
  const [gap, ...others] = events('sweep.unobserved');
  expect(others).toEqual([]);
  expect(gap!.gapMs).toBeGreaterThanOrEqual(HOUR_MS);
  await pulse.stop();

  expect(await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, failed: 0 });
  const [row] = await database.query<{ status: string }>('SELECT status FROM delegations WHERE delegation_id = $1', [
    living,
  ]);
  expect(row!.status).toBe('in_progress');
});

test('a wait between two attempts ends at once when the daemon stops', async () => {
  const { log, events } = capturedLog();
  const aborter = new AbortController();
  const forever: Time = {
    now: () => 0,
    sleep: (_ms, signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  };
  const waiting = new Availability(log, forever).until(async () => {
    throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  }, aborter.signal);
  await waitFor('the first failure', () => events('database.unavailable').length === 1);
  aborter.abort(new Error('stopping'));
  await expect(waiting).rejects.toThrow('stopping');
  expect(events('database.unavailable')).toHaveLength(1);
});
