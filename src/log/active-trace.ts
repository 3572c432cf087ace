import { context, isSpanContextValid, trace } from '@opentelemetry/api';

const noTrace = {};

/**
 * The span that a line belongs to, under OpenTelemetry's own names; nothing while no span is active. Apart from the
 * logger, so that an agent that only wants the ledger does not load OpenTelemetry.
 */
export function activeTrace(): object {
  const span = trace.getSpanContext(context.active());
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : noTrace;
}
