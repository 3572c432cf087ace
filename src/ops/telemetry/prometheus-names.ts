import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { type Instrument, PREFIX } from './instruments.ts';

/** Units that Prometheus has in the name, by OpenTelemetry's abbreviation. */
const unitNames: Readonly<Record<string, string>> = { s: 'seconds' };

/** An instrument's name in /metrics, without what a histogram's series add to it. */
export function prometheusName(name: string, { kind, unit }: Pick<Instrument, 'kind' | 'unit'>): string {
  const parts = [`${PREFIX}${name}`.replaceAll('.', '_'), ...(unit === undefined ? [] : [unitNames[unit]!])];
  return [...parts, ...(kind === 'counter' ? ['total'] : [])].join('_');
}

/** A label's name in /metrics. */
export function prometheusLabel(label: string): string {
  return label.replaceAll('.', '_');
}

/**
 * The same metrics with our instruments named for Prometheus, which has the unit in the name and needs no namespace in a label:
 * the serializer itself writes names and labels as they are, `.` aside.
 */
export function namedForPrometheus(metrics: ResourceMetrics): ResourceMetrics {
  const scopeMetrics = metrics.scopeMetrics.map((scope) => ({ ...scope, metrics: scope.metrics.map(named) }));
  return { ...metrics, scopeMetrics };
}

function named(metric: MetricData): MetricData {
  const { name, unit } = metric.descriptor;
  if (!name.startsWith(PREFIX)) return metric;
  const unitName = unitNames[unit];
  const suffix = unitName === undefined ? '' : `_${unitName}`;
  // A cast, since the points of each kind of metric are mapped alike.
  return {
    ...metric,
    descriptor: { ...metric.descriptor, name: name + suffix, unit: unitName ?? unit },
    dataPoints: metric.dataPoints.map((point) => ({ ...point, attributes: unprefixed(point.attributes) })),
  } as MetricData;
}

function unprefixed<Attributes extends object>(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes).map(([key, value]) => [
    key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key,
    value,
  ]);
  return Object.fromEntries(entries) as Attributes;
}
