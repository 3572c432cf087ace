import { expect, test } from '@jest/globals';
import { startDaemon } from '../support/daemon.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { startCollector } from './collector.ts';
import { ask } from './http.ts';

const database = useDatabase({ per: 'test' });

type Traced = { readonly trace_id?: string; readonly span_id?: string };

test('a sweep is one trace with a span per batch, and its log lines carry its id', async () => {
  await seedDelegation(database, { silentSeconds: 700 });
  await seedDelegation(database, { deadlineSeconds: -5 });
  await using collector = await startCollector();
  await using daemon = startDaemon(database.url, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  const completed = (await daemon.until('sweep.completed')) as Traced;
  const [stuck] = daemon.events('delegation.stuck') as Traced[];
  const [failed] = daemon.events('delegation.deadline_exceeded') as Traced[];
  const { trace_id: traceId, span_id: spanId } = completed;
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(spanId).toMatch(/^[0-9a-f]{16}$/);
  expect([stuck!.trace_id, failed!.trace_id]).toEqual([traceId, traceId]);
  expect((daemon.events('ops.listening')[0] as Traced).trace_id).toBeUndefined();

  daemon.child.kill('SIGTERM');
  expect((await daemon.child.exit).code).toBe(0);
  const spans = Buffer.concat(collector.received.get('/v1/traces') ?? []);
  expect(spans.includes(Buffer.from(traceId!, 'hex'))).toBe(true);
  expect(spans.includes(Buffer.from(spanId!, 'hex'))).toBe(true);
  const text = spans.toString('latin1');
  expect(text).toContain('sweep batch');
  expect(text).toContain('delegation_sweeper.sweep_id');
  expect(text).toContain('process delegation-sweep');
  const metrics = Buffer.concat(collector.received.get('/v1/metrics') ?? []).toString('latin1');
  expect(metrics).toContain('delegation_sweeper_marked');
  expect(metrics).toContain('messaging.process.duration');
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
