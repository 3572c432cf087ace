import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { PgBoss } from 'pg-boss';
import { SWEEP_QUEUE } from '../../src/sweeper/schedule/schedule.ts';
import { startFasterDaemon } from '../faults/faster-daemon.ts';
import { seedTrouble } from '../faults/trouble.ts';
import type { TestDaemon } from '../support/daemon.ts';
import { waitFor } from '../support/wait-for.ts';

const WARM_UP = 300;
const SWEEPS = Number(process.env.SOAK_SWEEPS ?? 500);
/** Half of the leak that must be found. */
const GROWTH_MAX_BYTES = SWEEPS * 512;
/** Pages that the allocator keeps, and code that was compiled meanwhile. */
const RSS_GROWTH_MAX_BYTES = GROWTH_MAX_BYTES + 16 * 1024 ** 2;
const PATIENCE = { timeoutMs: 120_000 };

interface Usage {
  readonly usedBytes: number;
  readonly rssBytes: number;
  readonly kept: number;
}

/** A collector of OpenTelemetry that takes everything. */
async function openCollector(undo: AsyncDisposableStack) {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume().on('end', () => response.end());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  undo.defer(() => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: () => requests };
}

/** The least of several readings: a request or a batch may be under way in one of them. */
async function usage({ child }: TestDaemon): Promise<Usage> {
  const readings: Usage[] = [];
  for (let i = 0; i < 5; i += 1) {
    const before = child.stderrLines.length;
    child.kill('SIGUSR2');
    await waitFor('a reading', () => child.stderrLines.length > before, PATIENCE);
    readings.push(JSON.parse(child.stderrLines.at(-1)!) as Usage);
  }
  return readings.reduce((least, reading) => (reading.usedBytes < least.usedBytes ? reading : least));
}

test(`the memory of a whole daemon, pg-boss and OpenTelemetry in it, is flat over ${SWEEPS} sweeps; a kilobyte kept by each would show`, async () => {
  await using undo = new AsyncDisposableStack();
  const collector = await openCollector(undo);
  const { database, daemon, answer } = await startFasterDaemon(undo, {
    factor: 60,
    env: { STORM_RATIO: '0.5', OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    preloads: [new URL('./memory-reporter.ts', import.meta.url)],
  });
  await daemon.until('sweep.completed', undefined, PATIENCE);
  await seedTrouble(database);
  const boss = new PgBoss({
    connectionString: database.url,
    max: 1,
    supervise: false,
    schedule: false,
    migrate: false,
  });
  boss.on('error', () => undefined);
  await boss.start();
  undo.defer(() => boss.stop({ graceful: false }));
  const paths = ['/metrics', '/readyz', '/', '/delegations'];
  const sweep = async (times: number) => {
    const until = daemon.events('sweep.completed').length + times;
    for (let n = 0; daemon.events('sweep.completed').length < until; n += 1) {
      await waitFor('the request to be taken', () => boss.send(SWEEP_QUEUE, { trigger: 'manual' }), PATIENCE);
      await answer(paths[n % paths.length]!);
    }
    return usage(daemon);
  };
  const warm = await sweep(WARM_UP);
  const after = await sweep(SWEEPS);
  expect(after.kept).toBe(0);
  expect(after.usedBytes - warm.usedBytes).toBeLessThan(GROWTH_MAX_BYTES);
  expect(after.rssBytes - warm.rssBytes).toBeLessThan(RSS_GROWTH_MAX_BYTES);
  expect(collector.requests()).toBeGreaterThan(0);
  daemon.child.kill('SIGWINCH');
  const leaked = await sweep(SWEEPS);
  expect(leaked.kept).toBeGreaterThanOrEqual(SWEEPS);
  expect(leaked.usedBytes - after.usedBytes).toBeGreaterThan(GROWTH_MAX_BYTES);
  process.stdout.write(
    `${SWEEPS} sweeps: heap ${after.usedBytes - warm.usedBytes} bytes more, resident ${after.rssBytes - warm.rssBytes} bytes more, of ${after.rssBytes}\n`,
  );
}, 1_800_000);
