import { expect, test } from '@jest/globals';
import type { LedgerServices } from '../../src/compose/ledger-services.ts';
import { ledgerQueues } from '../../src/compose/ledger-services.ts';
import { type ReleaseReason, ServedLedger, type ServedLedgerOptions } from '../../src/compose/served-ledger.ts';
import type { Service } from '../../src/lifecycle/service.ts';
import { capturedLog } from '../support/fixtures.ts';

const { recurring } = ledgerQueues('a');
const queue = recurring[0]!;

/** A ledger with one service, and what it did with pg-boss. */
function ledgerOf(service: (workers: Set<string>) => Service) {
  const { log, events } = capturedLog();
  const workers = new Set<string>();
  const done: string[] = [];
  const options = {
    name: 'a',
    db: { destroy: async () => void done.push('destroy') },
    boss: {
      offWork: async (name: string) => void workers.delete(name),
      pgBoss: { unschedule: async (name: string) => void done.push(`unschedule ${name}, ${workers.size} workers`) },
    },
    log,
    unsubscribe: async () => void done.push('unsubscribe'),
    stopWithinMs: 10_000,
  };
  const services = { services: [service(workers)] } as unknown as LedgerServices;
  return { ledger: new ServedLedger(services, options as unknown as ServedLedgerOptions), workers, done, events };
}

test('a worker that a start in flight registers during the stop is ended, before the schedules are removed', async () => {
  const begun = Promise.withResolvers<void>();
  const { ledger, workers, done, events } = ledgerOf((workers) => ({
    name: 'job',
    start: () => begun.promise,
    async stop() {
      await new Promise((resolve) => setImmediate(resolve));
      workers.add(queue);
      begun.resolve();
    },
  }));
  const started = ledger.start();
  await ledger.release('gone');
  expect([await started, workers.size]).toEqual(['stopped', 0]);
  expect(done).toEqual([...recurring.map((name) => `unschedule ${name}, 0 workers`), 'unsubscribe', 'destroy']);
  expect(events('ledgers.released')).toHaveLength(1);
});

test.each<[ReleaseReason, number]>([
  ['replaced', 1],
  ['failed', 0],
])('what pg-boss does for the ledger goes on for the next one of that name: %s', async (why, released) => {
  const { ledger, done, events } = ledgerOf(() => ({ name: 'job', async start() {}, async stop() {} }));
  expect(await ledger.start()).toBe('started');
  await ledger.release(why);
  expect(done).toEqual(['destroy']);
  expect(events('ledgers.released')).toHaveLength(released);
});

test('a start that fails says so', async () => {
  const { ledger, events } = ledgerOf(() => ({
    name: 'job',
    async start() {
      throw new Error('job is broken');
    },
    async stop() {},
  }));
  expect(await ledger.start()).toBe('failed');
  expect(events('ledgers.failed')).toMatchObject([{ err: { message: 'job is broken' } }]);
});
