import { describe, expect, test } from '@jest/globals';
import type { Problem } from '../../src/config/config-error.ts';
import { telemetryOf } from '../../src/config/telemetry.ts';

function read(env: NodeJS.ProcessEnv) {
  const problems: Problem[] = [];
  return { telemetry: telemetryOf(env, problems), problems };
}

const off = { disabled: false, traces: false, metrics: false, metricIntervalMs: 60_000 };
const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

describe("OpenTelemetry's variables", () => {
  test.each<[string, NodeJS.ProcessEnv, object]>([
    ['nothing is exported unasked', {}, off],
    ['an endpoint exports both signals', endpoint, { ...off, traces: true, metrics: true }],
    ['an empty endpoint is none', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, off],
    [
      "a signal's own endpoint exports that signal",
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/v1/traces' },
      { ...off, traces: true },
    ],
    ['an exporter named needs no endpoint', { OTEL_METRICS_EXPORTER: 'otlp' }, { ...off, metrics: true }],
    ['none wins over an endpoint', { ...endpoint, OTEL_TRACES_EXPORTER: 'none' }, { ...off, metrics: true }],
    [
      '/metrics is always there: prometheus alone sends nothing',
      { ...endpoint, OTEL_METRICS_EXPORTER: 'prometheus' },
      { ...off, traces: true },
    ],
    [
      'both at once',
      { ...endpoint, OTEL_METRICS_EXPORTER: 'prometheus, otlp', OTEL_METRIC_EXPORT_INTERVAL: '5000' },
      { ...off, traces: true, metrics: true, metricIntervalMs: 5000 },
    ],
    ['the SDK can be turned off as a whole', { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }, { ...off, disabled: true }],
  ])('%s', (_, env, telemetry) => {
    expect(read(env)).toEqual({ telemetry, problems: [] });
  });

  test.each<[NodeJS.ProcessEnv, Problem]>([
    [
      { OTEL_TRACES_EXPORTER: 'zipkin' },
      { variable: 'OTEL_TRACES_EXPORTER', value: 'zipkin', reason: 'accepted: otlp, none' },
    ],
    [
      { OTEL_METRICS_EXPORTER: 'otlp,console' },
      { variable: 'OTEL_METRICS_EXPORTER', value: 'console', reason: 'accepted: otlp, prometheus, none' },
    ],
    [
      { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      { variable: 'OTEL_EXPORTER_OTLP_PROTOCOL', value: 'grpc', reason: 'accepted: http/protobuf' },
    ],
    [
      { ...endpoint, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
      { variable: 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', value: 'http/json', reason: 'accepted: http/protobuf' },
    ],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '10' },
      {
        variable: 'OTEL_METRIC_EXPORT_INTERVAL',
        value: '10',
        reason: 'accepted: milliseconds, from 1000 to 99999999',
      },
    ],
  ])('%p is a problem', (env, problem) => {
    expect(read(env).problems).toEqual([problem]);
  });

  test('an unsupported protocol that is not used is no problem', () => {
    expect(read({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }).problems).toEqual([]);
  });
});
