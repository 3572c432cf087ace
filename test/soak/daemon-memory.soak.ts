import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { type FasterDaemon, startFasterDaemon } from '../faults/faster-daemon.ts';
import { startCollector } from '../ops/collector.ts';
import type { TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';
import { SECRET, webhookReceiver } from '../support/webhook.ts';
import type { MemoryReading } from './memory-reading.ts';

/** Two readings differ by up to 40 kB without a leak, and by 120 with a leak of a kilobyte for each of these. */
const PART_SWEEPS = 120;
const PARTS = 5;
const LEAKING_PARTS = 3;
const WARM_UP = 60;
/** The daemon sweeps once a second at most: here so many times. */
const FACTOR = 8;
const STUCK_AFTER_SECONDS = 600;
const SEEDED_AHEAD_SECONDS = 20;
const PATIENCE = { timeoutMs: 900_000 };
/** Half of a leak of a kilobyte for each sweep. */
const GROWTH_MAX_BYTES_PER_SWEEP = 512;
/** From the end of the warm-up on: what the allocator keeps for itself comes and goes by two megabytes, and once by ten. */
const RESIDENT_GROWTH_MAX_BYTES = 24 * 1024 ** 2;
/** Without what V8 itself collects about functions the longer they run, and the code that it makes from that. */
const STEADY = ['--expose-gc', '--jitless'];

/** Delegations that come due one after the other, a second apart, from `from` on: by turns for their deadline and for silence. */
async function seedDue(database: TestDatabase, from: number, count: number): Promise<void> {
  await database.query(
    `WITH row AS (
       INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, deadline, revision)
       SELECT $1 || n, 'caller', 'callee-' || n % 7, 'task', 'in_progress',
         CASE WHEN n % 2 = 0 THEN least(due.at - $4::float8 * interval '1 second', clock_timestamp()) ELSE clock_timestamp() END,
         CASE WHEN n % 2 = 0 THEN due.at + interval '10 years' ELSE due.at END, 1
       FROM generate_series(1, $3::int) n, LATERAL (SELECT to_timestamp($2::float8) + n * interval '1 second' AS at) due
       RETURNING delegation_id, status)
     INSERT INTO activity_logs (delegation_id, event, to_status, actor)
     SELECT delegation_id, 'delegation.' || status, status, 'test' FROM row`,
    [randomUUID(), from, count, STUCK_AFTER_SECONDS],
  );
}

/** Something comes due in each second to come, and the pages are read now and then, until the daemon has swept so often and is idle. */
async function sweepOn(
  { database, daemon, now, answer }: FasterDaemon,
  sweeps: number,
  told: () => number,
): Promise<void> {
  const swept = () => daemon.events('sweep.completed').length;
  const until = swept() + sweeps;
  let seededUntil = 0;
  let readAt = 0;
  await waitFor(
    `${sweeps} sweeps`,
    async () => {
      const second = (await now()) / 1000;
      if (seededUntil - second < SEEDED_AHEAD_SECONDS / 2) {
        const from = Math.max(seededUntil, second);
        await seedDue(database, from, SEEDED_AHEAD_SECONDS);
        seededUntil = from + SEEDED_AHEAD_SECONDS;
      }
      if (swept() - readAt >= 20) {
        readAt = swept();
        for (const path of ['/readyz', '/metrics', '/', '/delegations']) await answer(path);
      }
      return swept() >= until;
    },
    PATIENCE,
  );
  const marks = () => daemon.events('delegation.stuck').length + daemon.events('delegation.deadline_exceeded').length;
  const open = `SELECT FROM delegations WHERE status = 'in_progress' LIMIT 1`;
  await waitFor('all to be marked', async () => (await database.query(open)).length === 0, PATIENCE);
  // What is on its way to the receiver would be taken for what is kept.
  await waitFor('all marks to be told', () => told() === marks(), PATIENCE);
}

async function measure({ daemon }: FasterDaemon): Promise<MemoryReading> {
  const before = daemon.child.stderrLines.length;
  daemon.child.say('measure');
  const line = await waitFor('the reading', () => daemon.child.stderrLines[before], PATIENCE);
  return JSON.parse(line) as MemoryReading;
}

interface Growth {
  /** By the median of the parts: what is needed once is in one of them, a leak is in each. */
  readonly heldBytesPerSweep: number;
  readonly residentBytes: number;
}

async function growth(faster: FasterDaemon, parts: number, told: () => number): Promise<Growth> {
  const readings = [await measure(faster)];
  for (let part = 0; part < parts; part += 1) {
    await sweepOn(faster, PART_SWEEPS, told);
    readings.push(await measure(faster));
  }
  const grown = readings.slice(1).map(({ heldBytes }, part) => heldBytes - readings[part]!.heldBytes);
  const { residentBytes } = readings.at(-1)!;
  const result = {
    heldBytesPerSweep: grown.toSorted((a, b) => a - b)[Math.floor(parts / 2)]! / PART_SWEEPS,
    residentBytes: residentBytes - readings[0]!.residentBytes,
  };
  process.stdout.write(`${JSON.stringify({ ...result, readings })}\n`);
  return result;
}

test(`the memory of a whole daemon is flat over ${PARTS * PART_SWEEPS} sweeps, with pg-boss, OpenTelemetry and a webhook; a kilobyte kept by each would show`, async () => {
  await using undo = new AsyncDisposableStack();
  const collector = undo.use(await startCollector());
  const receiver = undo.use(await webhookReceiver());
  const faster = await startFasterDaemon(undo, {
    factor: FACTOR,
    env: {
      STUCK_AFTER: `${STUCK_AFTER_SECONDS}s`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: SECRET,
      WEBHOOK_ALLOW_PRIVATE: 'true',
    },
    flags: STEADY,
    preloads: [new URL('./memory-reading.ts', import.meta.url)],
  });
  const told = () => new Set(receiver.ids()).size;
  await sweepOn(faster, WARM_UP, told);
  const grown = await growth(faster, PARTS, told);
  expect(grown.heldBytesPerSweep).toBeLessThan(GROWTH_MAX_BYTES_PER_SWEEP);
  expect(grown.residentBytes).toBeLessThan(RESIDENT_GROWTH_MAX_BYTES);
  faster.daemon.child.say('leak');
  const leaked = await growth(faster, LEAKING_PARTS, told);
  expect(leaked.heldBytesPerSweep).toBeGreaterThan(GROWTH_MAX_BYTES_PER_SWEEP);
  for (const signal of ['/v1/traces', '/v1/metrics']) expect(collector.received.get(signal)?.length).toBeGreaterThan(1);
  expect(told()).toBeGreaterThan(PARTS * PART_SWEEPS);
  faster.daemon.child.kill('SIGTERM');
  expect(await faster.daemon.child.exit).toEqual({ code: 0, signal: null });
}, 3_600_000);
