import { diag } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MetricReader } from '@opentelemetry/sdk-metrics';
import { namedForPrometheus } from './prometheus-names.ts';

/** The content type of the text format. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The Prometheus exporter without its own HTTP server. */
export class PrometheusReader extends MetricReader {
  // Without the scope, the name of the library that counted, which would be a useless label on every line.
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, false, true);

  /** All instruments with their current values, as text. */
  async text(): Promise<string> {
    const { resourceMetrics, errors } = await this.collect();
    // A gauge that cannot be read is missing; the others are served.
    for (const err of errors) diag.warn('A metric could not be read:', err);
    return this.#serializer.serialize(namedForPrometheus(resourceMetrics));
  }

  protected override async onForceFlush(): Promise<void> {}

  protected override async onShutdown(): Promise<void> {}
}
