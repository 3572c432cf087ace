import { describe, expect, test } from '@jest/globals';
import { instruments } from '../../src/ops/telemetry/instruments.ts';
import { startDaemon } from '../support/daemon.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { seedFleet } from '../support/seed-fleet.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { startCollector } from './collector.ts';
import { ask } from './http.ts';
import { metricsOf, spansOf } from './otlp.ts';

const database = useDatabase({ per: 'test' });

type Traced = { readonly trace_id?: string; readonly span_id?: string };

test('a sweep is one trace with a span per batch, and its log lines carry its id', async () => {
  await seedDelegation(database, { silentSeconds: 700 });
  await seedDelegation(database, { deadlineSeconds: -5 });
  await using collector = await startCollector();
  await using daemon = startDaemon(database.url, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  const completed = (await daemon.until('sweep.completed')) as Traced & { readonly sweepId: string };
  const [stuck] = daemon.events('delegation.stuck') as Traced[];
  const [failed] = daemon.events('delegation.deadline_exceeded') as Traced[];
  const { trace_id: traceId, span_id: spanId } = completed;
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(spanId).toMatch(/^[0-9a-f]{16}$/);
  expect([stuck!.trace_id, failed!.trace_id]).toEqual([traceId, traceId]);
  expect((daemon.events('ops.listening')[0] as Traced).trace_id).toBeUndefined();

  daemon.child.kill('SIGTERM');
  expect((await daemon.child.exit).code).toBe(0);
  const spans = spansOf(collector.received.get('/v1/traces') ?? []).filter((span) => span.traceId === traceId);
  const sweep = spans.find(({ name }) => name === 'sweep');
  expect(sweep).toMatchObject({ spanId, attributes: { 'delegation_sweeper.sweep_id': completed.sweepId }, status: 0 });
  const batches = spans.filter(({ name }) => name === 'sweep batch');
  expect(batches.map(({ attributes }) => attributes)).toEqual([
    { 'delegation_sweeper.rule': 'overdue', 'delegation_sweeper.rows': 1 },
    { 'delegation_sweeper.rule': 'stale', 'delegation_sweeper.rows': 1 },
  ]);
  expect(spans.map(({ name }) => name)).toContain('process delegation-sweep');
});

describe('by OpenTelemetry’s conventions', () => {
  test('attributes have our namespace, and the unit is no part of a metric’s name; /metrics has the names that it always had', async () => {
    await seedDelegation(database, { silentSeconds: 700 });
    await using collector = await startCollector();
    await using daemon = startDaemon(database.url, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    await daemon.until('sweep.completed');
    const { port } = daemon.events('ops.listening')[0]!;
    const { body } = await ask(port, '/metrics');
    expect(body).toContain('delegation_sweeper_sweep_duration_seconds_count 1\n');
    expect(body).toContain('delegation_sweeper_marked_total{rule="stale"} 1\n');
    expect(body).not.toMatch(/delegation_sweeper_\w*delegation_sweeper|_seconds_seconds/);

    daemon.child.kill('SIGTERM');
    expect((await daemon.child.exit).code).toBe(0);
    const sent = metricsOf(collector.received.get('/v1/metrics') ?? []);
    const ours = sent.filter(({ name }) => name.startsWith('delegation_sweeper'));
    const names = new Set(ours.map(({ name }) => name));
    // A gauge about something that there is none of is absent.
    expect([...names].filter((name) => !Object.hasOwn(instruments, name.slice('delegation_sweeper.'.length)))).toEqual(
      [],
    );
    for (const name of ['sweeps', 'marked', 'detection_latency', 'operator_hold']) {
      expect(names).toContain(`delegation_sweeper.${name}`);
    }
    expect(ours.filter(({ name }) => /second|total/.test(name))).toEqual([]);
    expect(ours.find(({ name }) => name === 'delegation_sweeper.sweep_duration')).toMatchObject({
      unit: 's',
      points: [{}],
    });
    const attributes = ours.flatMap(({ points }) => points.flatMap(Object.keys));
    expect(attributes.length).toBeGreaterThan(0);
    expect(attributes.filter((name) => !name.startsWith('delegation_sweeper.'))).toEqual([]);
    // pg-boss's own have theirs.
    expect(sent.map(({ name }) => name)).toContain('messaging.process.duration');
  });

  test('what failed has the class of its error, in the span and in the duration; no exception is recorded in a span', async () => {
    await seedDelegation(database, { silentSeconds: 700 });
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '23514'; END $$`);
    await database.query('CREATE TRIGGER refuse BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION refuse()');
    await database.query('ALTER TABLE sweeper_sweeps RENAME TO away');
    await using collector = await startCollector();
    await using daemon = startDaemon(database.url, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      SWEEP_ON_TIME: 'false',
    });
    const { durationMs } = await daemon.until('sweep.failed');
    expect(durationMs).toBeGreaterThanOrEqual(0);
    const { port } = daemon.events('ops.listening')[0]!;
    expect((await ask(port, '/metrics')).body).toMatch(
      /^delegation_sweeper_sweep_duration_seconds_count\{error_type="statement"\} [1-9]/m,
    );
    daemon.child.kill('SIGTERM');
    expect((await daemon.child.exit).code).toBe(0);
    const spans = spansOf(collector.received.get('/v1/traces') ?? []);
    const failed = spans.filter(({ status, name }) => status === 2 && name.startsWith('sweep'));
    expect(new Set(failed.map(({ name, attributes }) => `${name}: ${attributes['error.type']}`))).toEqual(
      new Set(['sweep: statement', 'sweep batch: constraint']),
    );
    expect(failed.filter(({ events }) => events > 0)).toEqual([]);
    const durations = metricsOf(collector.received.get('/v1/metrics') ?? []).filter(
      ({ name }) => name === 'delegation_sweeper.sweep_duration',
    );
    expect(durations.flatMap(({ points }) => points)).toContainEqual({ 'error.type': 'statement' });
  });

  test('a batch links to the spans in which what it marked was delegated, 128 of them at most', async () => {
    const traced = async (deadlineSeconds: number, traceparent: string | null) => {
      const id = await seedDelegation(database, { deadlineSeconds });
      await database.query('UPDATE delegations SET traceparent = $2 WHERE delegation_id = $1', [id, traceparent]);
      return id;
    };
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const one = await traced(-5, `00-${traceId}-00f067aa0ba902b7-01`);
    await traced(-5, null);
    // A trace of zeros is none, by W3C.
    await traced(-5, `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`);
    await seedFleet(database, { rows: 140, silentSeconds: 700 });
    await database.query(`UPDATE delegations SET traceparent = $1 WHERE delegation_id LIKE 'fleet-%'`, [
      `00-${traceId}-00f067aa0ba902b7-00`,
    ]);
    await using collector = await startCollector();
    await using daemon = startDaemon(database.url, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    await daemon.until('sweep.completed');
    daemon.child.kill('SIGTERM');
    expect((await daemon.child.exit).code).toBe(0);
    const batches = spansOf(collector.received.get('/v1/traces') ?? []).filter(({ name }) => name === 'sweep batch');
    const of = (rule: string) => batches.find(({ attributes }) => attributes['delegation_sweeper.rule'] === rule)!;
    expect(of('overdue')).toMatchObject({ attributes: { 'delegation_sweeper.rows': 3 } });
    expect(of('overdue').links).toEqual([
      { traceId, spanId: '00f067aa0ba902b7', attributes: { 'delegation_sweeper.delegation_id': one } },
    ]);
    expect(of('stale').attributes['delegation_sweeper.rows']).toBe(140);
    expect(of('stale').links).toHaveLength(128);
  });
});

test('without an exporter no line carries a trace, and /metrics has the instruments of pg-boss as well', async () => {
  await using daemon = startDaemon(database.url);
  const completed = (await daemon.until('sweep.completed')) as Traced;
  expect(completed.trace_id).toBeUndefined();
  const { port } = daemon.events('ops.listening')[0]!;
  const { body } = await ask(port, '/metrics');
  expect(body).toContain('delegation_sweeper_sweeps_total{trigger="startup",outcome="completed"} 1');
  // pg-boss records its job only after the sweep's own last line.
  await waitFor("pg-boss's instruments", async () =>
    (await ask(port, '/metrics')).body.includes('messaging_process_duration_bucket'),
  );
});

test('a collector that is away is logged, and delays neither a sweep nor the stop', async () => {
  await using daemon = startDaemon(database.url, {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
  });
  await daemon.until('sweep.completed');
  await daemon.until('telemetry.warning');
  daemon.child.kill('SIGTERM');
  expect((await daemon.child.exit).code).toBe(0);
  expect(daemon.events('daemon.stopped')[0]).toMatchObject({ reason: 'SIGTERM' });
});

test('alive from the start, before the database is available', async () => {
  await using daemon = startDaemon('postgresql://nobody@127.0.0.1:1/none');
  const { port } = await daemon.until('ops.listening');
  expect((await ask(port, '/livez')).status).toBe(200);
  expect((await ask(port, '/readyz')).status).toBe(503);
  daemon.child.kill('SIGTERM');
  expect((await daemon.child.exit).code).toBe(0);
});
