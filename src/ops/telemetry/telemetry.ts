import { context, DiagLogLevel, diag, type Meter, metrics, trace } from '@opentelemetry/api';
import {
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { type IMetricReader, MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Service } from '../../lifecycle/service.ts';
import { within } from '../../lifecycle/within.ts';
import type { EventLog } from '../../log/event-log.ts';
import { type Answer, json, type Route } from '../answer.ts';
import { Diagnostics } from './diagnostics.ts';
import { PROMETHEUS_CONTENT_TYPE, PrometheusReader } from './prometheus-reader.ts';

export interface TelemetryOptions {
  /** No metric and no span at all. */
  readonly disabled: boolean;
  /** Send spans by OTLP. */
  readonly traces: boolean;
  /** Send metrics by OTLP, in addition to /metrics. */
  readonly metrics: boolean;
  readonly metricIntervalMs: number;
  /** Of this program. */
  readonly version: string;
}

/** At a stop, what is still to be sent has this long. */
const FLUSH_MS = 3_000;

/** A provider that is shut down at the stop, after it has sent what it holds. */
type Provider = Pick<MeterProvider, 'shutdown'>;

/**
 * OpenTelemetry's SDK for this process. It is registered globally, so that pg-boss's instruments and spans are included.
 * The exporters for OTLP are loaded only when they are configured.
 */
export class Telemetry implements Service {
  readonly name = 'telemetry';
  /** Does nothing when telemetry is off. */
  readonly meter: Meter;
  readonly #reader: PrometheusReader | null;
  readonly #providers: readonly Provider[];
  #stopping: Promise<void> | undefined;

  private constructor(reader: PrometheusReader | null, providers: readonly Provider[], version: string) {
    this.meter = metrics.getMeter('delegation-sweeper', version);
    this.#reader = reader;
    this.#providers = providers;
  }

  static async open(options: TelemetryOptions, log: EventLog): Promise<Telemetry> {
    const { disabled, version } = options;
    if (disabled) return new Telemetry(null, [], version);
    diag.setLogger(new Diagnostics(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    const resource = resourceOf(version);
    const reader = new PrometheusReader();
    const readers: IMetricReader[] = [reader];
    if (options.metrics) {
      const { otlpMetricReader } = await import('./otlp-metrics.ts');
      readers.push(otlpMetricReader(options.metricIntervalMs));
    }
    const meterProvider = new MeterProvider({ resource, readers });
    metrics.setGlobalMeterProvider(meterProvider);
    const providers: Provider[] = [meterProvider];
    if (options.traces) {
      const { registerOtlpTraces } = await import('./otlp-traces.ts');
      providers.push(registerOtlpTraces(resource));
    }
    return new Telemetry(reader, providers, version);
  }

  /** Nothing is left to start: open() has started it. */
  async start(): Promise<void> {
    if (this.#stopping) throw new Error('Telemetry was stopped');
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#shutDown();
    return this.#stopping;
  }

  readonly metricsRoute: Route = async (): Promise<Answer> => {
    if (!this.#reader) return json(404, { error: 'metrics are off: OTEL_SDK_DISABLED is true' });
    return { status: 200, contentType: PROMETHEUS_CONTENT_TYPE, body: await this.#reader.text() };
  };

  async #shutDown(): Promise<void> {
    // A collector that is away must not fail the stop; the diagnostics have logged it.
    const sent = Promise.allSettled(this.#providers.map((provider) => provider.shutdown()));
    await within(FLUSH_MS, sent);
    for (const api of [metrics, trace, context, diag]) api.disable();
  }
}

/** OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence. */
function resourceOf(version: string): Resource {
  const ours = resourceFromAttributes({ 'service.name': 'delegation-sweeper', 'service.version': version });
  return ours.merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }));
}
