import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { PgBoss } from 'pg-boss';
import { type PgBossWarningType, warningFields, warningType } from '../../src/jobs/pgboss-warning.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ replayed: false });
const source = (file: string) =>
  readFileSync(new URL(`../../node_modules/pg-boss/dist/${file}`, import.meta.url), 'utf8');
const emitters = ['boss', 'timekeeper', 'manager', 'notifier', 'index'].map((name) => source(`${name}.js`)).join('\n');

/** Each warning as pg-boss 12.38's source emits it: these fields come with the event, and only these are certain. */
const emitted: Readonly<Record<Exclude<PgBossWarningType, 'unknown'>, object>> = {
  slow_query: { elapsed: 31, sql: 'SELECT 1', values: [] },
  queue_backlog: { name: 'q', policy: 'standard', queuedCount: 10_001, table: 'job_common', warningQueueSize: 0 },
  clock_skew: { seconds: 61, direction: 'slower' },
  invalid_schedule: { queue: 'q', key: '', cron: 'x', timezone: 'UTC' },
  index_bloat: { table: 'job', name: 'job_i5', bytes: 9e7, pages: 11_000, entries: 12, owned: false },
  xmin_horizon: {
    source: 'backends',
    holder: 'a backend',
    holderClass: 'a backend holding an open transaction',
    table: 'job_common',
    tables: ['job_common'],
    deadTuples: 1,
    vacuumAgeSeconds: 1,
  },
  autovacuum_disabled: { table: 'j', tables: ['j'], liveTuples: 1, deadTuples: 9, budget: 5, vacuumAgeSeconds: null },
  monitor_backoff: { elapsedSeconds: 9, naptimeSeconds: 60, backoffSeconds: 60, backoffUntil: null },
  listen_notify_unavailable: { type: 'listen_notify_unavailable', backend: 'cockroachdb' },
  transactional_pool_headroom: { type: 'transactional_pool_headroom', max: 2, transactionalWorkers: 2 },
  transaction_timeout_probe: { type: 'transaction_timeout_probe' },
  start_retry: { type: 'start_retry', attempts: 2, error: 'no' },
  handler_overrun: { type: 'handler_overrun', instance: 'i', queue: 'q', jobs: [], expireInSeconds: 1 },
  unsupported_backend: { backend: 'yugabytedb' },
};

describe("each of pg-boss's warnings", () => {
  test('that it declares has its type here, and no other', () => {
    const [, union] = /export type WarningType = ([^;]+);/.exec(source('./types.d.ts'))!;
    const declared = [...union!.matchAll(/'(\w+)'/g)].map(([, type]) => type!);
    expect(declared.length).toBeGreaterThan(10);
    expect(Object.keys(warningFields).sort()).toEqual([...declared, 'unsupported_backend'].sort());
  });

  test('is recognised by its data alone', () => {
    for (const [type, data] of Object.entries(emitted)) expect(warningType({ data })).toBe(type);
  });

  test('has the fields by which it is recognised', () => {
    // index_bloat and queue_backlog pass a row, whose columns the query names.
    const named = `${emitters}\n${source('./plans.js')}`;
    for (const name of new Set(Object.values(warningFields).flatMap((names) => names ?? []))) {
      expect(named).toMatch(new RegExp(`\\b${name}\\b["]?(?:[:,]|\\s*[}\\n])`));
    }
    const typed = Object.entries(warningFields).flatMap(([type, names]) => (names === null ? [type] : []));
    for (const type of typed) {
      expect(emitters).toMatch(new RegExp(`type: (?:WARNING_TYPES\\.${type.toUpperCase()}|WARNING_TYPE\\b|'${type}')`));
    }
  });

  test('of a later release is `unknown`, and never an error', () => {
    for (const data of [{}, { type: 'brand_new' }, { type: 5 }, { type: 'toString' }, null, undefined]) {
      expect(warningType({ data: data as object })).toBe('unknown');
    }
  });
});

test('two that pg-boss really emits', async () => {
  const forced = { __test__force_clock_skew_warning: true, __test__warn_slow_query: true };
  const boss = new PgBoss({
    connectionString: database.url,
    max: 1,
    migrate: false,
    superviseIntervalSeconds: 1,
    ...forced,
  });
  const types = new Set<string>();
  boss.on('error', () => undefined);
  boss.on('warning', (warning) => types.add(warningType(warning)));
  await boss.start();
  try {
    await waitFor('both', () => types.size >= 2);
    expect([...types].sort()).toEqual(['clock_skew', 'slow_query']);
  } finally {
    await boss.stop({ graceful: false });
  }
});
