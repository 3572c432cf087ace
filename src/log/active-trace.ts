import { context, isSpanContextValid, trace } from '@opentelemetry/api';

const noTrace = {};

/**
 * The span that a line belongs to, under OpenTelemetry's own field names; no fields while no span is active. Separate
 * from the logger, so that an agent that only uses the ledger does not load OpenTelemetry.
 */
export function activeTrace(): object {
  const span = trace.getSpanContext(context.active());
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : noTrace;
}
