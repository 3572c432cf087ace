/** Where OpenTelemetry's API, of any copy of its version 1, keeps what was registered with it. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');
/** Under which its contexts keep the active span. */
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN');
const INVALID_TRACE_ID = '0'.repeat(32);

interface Registered {
  readonly context?: { active(): { getValue(key: symbol): unknown } };
}

interface Span {
  spanContext(): { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };
}

/**
 * The active span of OpenTelemetry as a W3C `traceparent`; null where there is none, or no OpenTelemetry. Read from where
 * its API keeps it, so that an agent without OpenTelemetry does not load it. Never throws.
 */
export function activeTraceparent(): string | null {
  try {
    const { context } = (globalThis as { [REGISTERED]?: Registered })[REGISTERED] ?? {};
    const span = context?.active().getValue(SPAN) as Span | undefined;
    if (!span) return null;
    const { traceId, spanId, traceFlags } = span.spanContext();
    if (traceId === INVALID_TRACE_ID) return null;
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  } catch {
    return null;
  }
}
