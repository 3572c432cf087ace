import { diag } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MetricReader } from '@opentelemetry/sdk-metrics';

/** Of the text format, as Prometheus wants it named. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The Prometheus exporter without its own HTTP server. */
export class PrometheusReader extends MetricReader {
  // The scope is the library that counted: a label on every line that tells nobody anything.
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, false, true);

  /** All instruments as they are now, as text. */
  async text(): Promise<string> {
    const { resourceMetrics, errors } = await this.collect();
    // A gauge that cannot be read is missing, not all others with it.
    for (const err of errors) diag.warn('A metric could not be read:', err);
    return this.#serializer.serialize(resourceMetrics);
  }

  protected override async onForceFlush(): Promise<void> {}

  protected override async onShutdown(): Promise<void> {}
}
