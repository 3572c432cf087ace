import { type Problem, shown } from './config-error.ts';

/** What OpenTelemetry's own variables select. The exporters read theirs (OTEL_EXPORTER_OTLP_*) themselves. */
export interface Telemetry {
  /** OTEL_SDK_DISABLED: no metric and no span at all. */
  readonly disabled: boolean;
  /** Spans go out by OTLP. */
  readonly traces: boolean;
  /** Metrics go out by OTLP, beside /metrics. */
  readonly metrics: boolean;
  readonly metricIntervalMs: number;
}

const PROTOCOL = 'http/protobuf';
const INTERVAL_DEFAULT_MS = 60_000;

/**
 * A signal is exported when its exporter is `otlp`, or when an endpoint is named and its exporter is not `none`.
 * OpenTelemetry's own default, to export to localhost, would fail wherever no collector runs.
 */
export function telemetryOf(env: NodeJS.ProcessEnv, problems: Problem[]): Telemetry {
  const disabled = env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true';
  const traces = !disabled && exports(env, 'TRACES', ['otlp', 'none'], problems);
  const metrics = !disabled && exports(env, 'METRICS', ['otlp', 'prometheus', 'none'], problems);
  return { disabled, traces, metrics, metricIntervalMs: intervalOf(env, problems) };
}

function exports(
  env: NodeJS.ProcessEnv,
  signal: 'TRACES' | 'METRICS',
  known: readonly string[],
  problems: Problem[],
): boolean {
  const variable = `OTEL_${signal}_EXPORTER`;
  const named = (env[variable] ?? '').split(',').map((name) => name.trim());
  const exporters = named.filter((name) => name !== '');
  for (const name of exporters.filter((exporter) => !known.includes(exporter))) {
    problems.push({ variable, value: shown(variable, name), reason: `accepted: ${known.join(', ')}` });
  }
  const endpoint = env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const wanted = exporters.length > 0 ? exporters.includes('otlp') : Boolean(endpoint);
  if (wanted) requireProtocol(env, signal, problems);
  return wanted;
}

function requireProtocol(env: NodeJS.ProcessEnv, signal: string, problems: Problem[]): void {
  const own = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`;
  const variable = env[own] ? own : 'OTEL_EXPORTER_OTLP_PROTOCOL';
  const protocol = env[variable];
  if (!protocol || protocol === PROTOCOL || problems.some((problem) => problem.variable === variable)) return;
  problems.push({ variable, value: shown(variable, protocol), reason: `accepted: ${PROTOCOL}` });
}

function intervalOf(env: NodeJS.ProcessEnv, problems: Problem[]): number {
  const variable = 'OTEL_METRIC_EXPORT_INTERVAL';
  const text = env[variable];
  if (!text) return INTERVAL_DEFAULT_MS;
  if (/^[1-9]\d{3,7}$/.test(text)) return Number(text);
  problems.push({ variable, value: shown(variable, text), reason: 'accepted: milliseconds, from 1000 to 99999999' });
  return INTERVAL_DEFAULT_MS;
}
