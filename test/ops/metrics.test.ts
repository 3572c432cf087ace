import { describe, expect, test } from '@jest/globals';
import { errorClass, errorClasses } from '../../src/log/error-class.ts';
import { type Instrument, instruments } from '../../src/ops/telemetry/instruments.ts';
import { prometheusLabel, prometheusName } from '../../src/ops/telemetry/prometheus-names.ts';
import { OperatorHolds } from '../../src/sweeper/hold/operator-holds.ts';
import { Sweeper } from '../../src/sweeper/sweeper.ts';
import { seedDelegation, sweeperDefaults, testLedger } from '../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../support/scripted-probe.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { startOps } from './running-ops.ts';

const database = useDatabase({ per: 'test', replayed: false });

const PREFIX = 'delegation_sweeper_';

/** By their names in /metrics, with their labels' names there. */
const known: Record<string, Instrument> = Object.fromEntries(
  Object.entries<Instrument>(instruments).map(([name, instrument]) => {
    const labels = Object.entries(instrument.labels ?? {}).map(([label, values]) => [prometheusLabel(label), values]);
    return [prometheusName(name, instrument), { ...instrument, labels: Object.fromEntries(labels) }];
  }),
);

/** `delegation_sweeper_marked_total{rule="stale"}` -> the instrument's name and the labels. */
function parts(series: string): { name: string; labels: Record<string, string> } {
  const [full, inside = ''] = series.split(/[{}]/);
  const name = [full!, full!.replace(/_(bucket|sum|count)$/, '')].find((candidate) => Object.hasOwn(known, candidate));
  if (name === undefined) throw new Error(`${series} is no instrument`);
  const labels = Object.fromEntries([...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value]));
  return { name, labels };
}

describe('/metrics', () => {
  test('has every instrument, with no label and no label value other than those of the table', async () => {
    await using ops = await startOps(database.url);
    await seedDelegation(database, { silentSeconds: 700 });
    await mapTask(database, await seedDelegation(database, { silentSeconds: 700 }));
    const probe = new ScriptedProbe(() => ({ outcome: 'no_answer', reason: 'timeout' })).options();
    const sweeper = new Sweeper(database.db, ops.log, { ...sweeperDefaults, probe }, ops.metrics);
    await sweeper.sweep({ trigger: 'cron' });
    ops.metrics.posted('delivered', 12);
    await seedDelegation(database, { silentSeconds: 5 });
    const { headers, body } = await ops.get('/metrics');
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const ours = [...(await ops.series()).keys()].filter((series) => series.startsWith(PREFIX));
    expect(new Set(ours.map((series) => parts(series).name))).toEqual(new Set(Object.keys(known)));
    for (const series of ours) {
      const { name, labels } = parts(series);
      const { labels: declared = {} } = known[name]!;
      for (const [label, value] of Object.entries(labels).filter(([label]) => label !== 'le')) {
        expect(Object.keys(declared)).toContain(label);
        if (declared[label] !== null) expect(declared[label]).toContain(value);
      }
    }
    for (const [name, { kind }] of Object.entries(known)) {
      expect(body).toContain(`# TYPE ${name} ${kind}\n`);
    }
  });

  test('counts what sweeps did, and how long each row had waited for it', async () => {
    await using ops = await startOps(database.url);
    const before = await ops.series();
    expect(before.get('delegation_sweeper_sweeps_total{trigger="cron",outcome="completed"}')).toBe(0);
    for (const silentSeconds of [601, 640, 900]) await seedDelegation(database, { silentSeconds });
    await seedDelegation(database, { deadlineSeconds: -20 });
    const sweeper = new Sweeper(database.db, ops.log, sweeperDefaults, ops.metrics);
    await sweeper.sweep({ trigger: 'cron' });
    const series = await ops.series();
    const value = (name: string) => series.get(PREFIX + name);
    expect(value('sweeps_total{trigger="cron",outcome="completed"}')).toBe(1);
    expect(value('marked_total{rule="stale"}')).toBe(3);
    expect(value('marked_total{rule="overdue"}')).toBe(1);
    expect(value('sweep_duration_seconds_count')).toBe(1);
    expect(value('detection_latency_seconds_count{rule="stale"}')).toBe(3);
    expect(value('detection_latency_seconds_sum{rule="stale"}')).toBeGreaterThanOrEqual(1 + 40 + 300);
    expect(value('detection_latency_seconds_sum{rule="stale"}')).toBeLessThan(1 + 40 + 300 + 60);
    expect(value('detection_latency_seconds_bucket{rule="stale",le="180"}')).toBe(2);
    expect(value('detection_latency_seconds_sum{rule="overdue"}')).toBeGreaterThanOrEqual(20);
  });

  test('does not count unobserved time as latency', async () => {
    await using ops = await startOps(database.url);
    await database.query(`INSERT INTO sweeper_gaps VALUES
      (clock_timestamp() - interval '1 hour', clock_timestamp() - interval '1 second')`);
    await seedDelegation(database, { silentSeconds: 4230 });
    await new Sweeper(database.db, ops.log, sweeperDefaults, ops.metrics).sweep({ trigger: 'cron' });
    const latency = (await ops.series()).get(`${PREFIX}detection_latency_seconds_sum{rule="stale"}`);
    expect(latency).toBeGreaterThanOrEqual(30);
    expect(latency).toBeLessThan(90);
  });

  test('shows how long an operator has held', async () => {
    await new OperatorHolds(database.db).hold({ forMs: 3_600_000, reason: 'why', by: 'ana' });
    await database.query(`UPDATE sweeper_holds SET made_at = made_at - interval '40 seconds',
      held_since = held_since - interval '40 seconds', held_until = held_until - interval '40 seconds'`);
    await using ops = await startOps(database.url);
    const series = await ops.series();
    const seconds = series.get(`${PREFIX}operator_hold_seconds`);
    expect(seconds).toBeGreaterThanOrEqual(40);
    expect(seconds).toBeLessThan(100);
    expect(series.get(`${PREFIX}storm_held`)).toBe(0);
  });

  test('shows a storm, late results, what is open, and how full the pool is', async () => {
    await using ops = await startOps(database.url);
    await seedDelegation(database, { delegationId: 'late', silentSeconds: 700 });
    await new Sweeper(database.db, ops.log, sweeperDefaults).sweep({ trigger: 'manual' });
    await testLedger(database.db).ledger.setStatus('late', 'completed');
    await seedDelegation(database, { status: 'queued', deadlineSeconds: -40 });
    await seedDelegation(database, { silentSeconds: 300 });
    await database.query('UPDATE sweeper_state SET storm_held_since = clock_timestamp()');
    const series = await ops.series();
    const value = (name: string) => series.get(PREFIX + name);
    expect(value('storm_held')).toBe(1);
    expect(value('operator_hold_seconds')).toBe(0);
    const states = () => ['calm', 'held', 'released'].map((state) => value(`storm{state="${state}"}`));
    expect(states()).toEqual([0, 1, 0]);
    expect(value('last_day_stuck')).toBe(1);
    expect(value('last_day_late_results')).toBe(1);
    expect(value('delegations{status="queued"}')).toBe(1);
    expect(value('delegations{status="in_progress"}')).toBe(1);
    expect(value('delegations_capped')).toBe(0);
    expect(value('oldest_overdue_seconds')).toBeGreaterThanOrEqual(40);
    expect(value('oldest_silence_seconds')).toBeGreaterThanOrEqual(300);
    expect(value('stuck_after_seconds')).toBe(600);
    expect(value('pool_connections{state="in_use"}')).toBe(2);
    expect(value('pool_waiting')).toBe(3);
    expect(Math.abs(value('clock_skew_seconds')!)).toBeLessThan(1);
    expect(value('database_up')).toBe(1);
  });

  test('goes on counting the time since the last sweep while the database cannot be read', async () => {
    await using ops = await startOps(database.url);
    await new Sweeper(database.db, ops.log, sweeperDefaults).sweep({ trigger: 'manual' });
    const read = async () => {
      const series = await ops.series();
      return {
        up: series.get(`${PREFIX}database_up`),
        since: series.get(`${PREFIX}since_last_sweep_seconds`)!,
        delegations: series.get(`${PREFIX}delegations{status="queued"}`),
      };
    };
    const first = await read();
    expect(first.up).toBe(1);
    const keeper = await database.connect();
    await keeper.query('BEGIN');
    await keeper.query('LOCK TABLE sweeper_state, delegations');
    const blind = await waitFor('a reading that fails', async () => {
      const reading = await read();
      return reading.up === 0 ? reading : null;
    });
    expect(blind.since).toBeGreaterThan(first.since);
    await keeper.end();
  });

  test('is off when the SDK is disabled', async () => {
    await using ops = await startOps(database.url, { OTEL_SDK_DISABLED: 'true' });
    expect(await ops.get('/metrics')).toMatchObject({
      status: 404,
      body: expect.stringContaining('OTEL_SDK_DISABLED'),
    });
    expect((await ops.get('/livez')).status).toBe(200);
  });

  test("has the resource that OpenTelemetry's variables name", async () => {
    process.env.OTEL_SERVICE_NAME = 'sweeper-of-team-a';
    process.env.OTEL_RESOURCE_ATTRIBUTES = 'deployment.environment.name=staging';
    try {
      await using ops = await startOps(database.url);
      const info = [...(await ops.series()).keys()].find((series) => series.startsWith('target_info'));
      expect(info).toContain('service_name="sweeper-of-team-a"');
      expect(info).toContain('deployment_environment_name="staging"');
      expect(info).toContain('service_version="1.2.3"');
    } finally {
      delete process.env.OTEL_SERVICE_NAME;
      delete process.env.OTEL_RESOURCE_ATTRIBUTES;
    }
  });
});

describe('the class of a database error', () => {
  test.each([
    [{ code: '57P01', message: 'terminating connection' }, 'intervention'],
    [{ code: '40P01', message: 'deadlock detected' }, 'rollback'],
    [{ code: '08006', message: 'x' }, 'connection'],
    [{ code: '99999', message: 'x' }, 'other'],
    [{ code: 'ECONNREFUSED', message: 'x' }, 'network'],
    [{ code: 'ENOTFOUND', message: 'x' }, 'network'],
    [{ code: null, message: 'Query read timeout' }, 'timeout'],
    [{ code: null, message: 'Connection terminated unexpectedly' }, 'connection'],
    [{ code: null, message: 'x' }, 'other'],
  ])('%p is %s', (err, name) => {
    expect(errorClass(err)).toBe(name);
    expect(errorClasses).toContain(name);
  });

  test('reaches the counter through the events', async () => {
    await using ops = await startOps(database.url);
    const err = { code: '57P01', message: 'x' };
    ops.log.emit('database.unavailable', { attempt: 1, retryInMs: 1, err });
    ops.log.emit('sweep.failed', { sweepId: 's', trigger: 'startup', err, durationMs: 40_000, retryable: true });
    ops.log.emit('sweep.unobserved', { gapStart: 'a', gapEnd: 'b', gapMs: 1500 });
    const series = await ops.series();
    expect(series.get(`${PREFIX}database_errors_total{class="intervention"}`)).toBe(2);
    expect(series.get(`${PREFIX}sweeps_total{trigger="startup",outcome="failed"}`)).toBe(1);
    expect(series.get(`${PREFIX}unobserved_seconds_total`)).toBe(1.5);
    expect(series.get(`${PREFIX}sweep_duration_seconds_sum{error_type="intervention"}`)).toBe(40);
  });
});
