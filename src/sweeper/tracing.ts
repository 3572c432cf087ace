import { type Attributes, type AttributeValue, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { errorFields } from '../log/error-fields.ts';

/** Every span. Attributes have the prefix `delegation_sweeper.`; docs/observability.md has the table. */
export const spans = {
  sweep: {
    meaning: 'one sweep; the log lines of the sweep carry its trace_id',
    attributes: ['sweep_id', 'trigger', 'stuck', 'failed', 'poisoned', 'held', 'truncated'],
  },
  'sweep batch': {
    meaning: 'one batch of a sweep: one statement, one transaction',
    attributes: ['rule', 'rows'],
  },
} as const;

export type SpanName = keyof typeof spans;

type Attribute<N extends SpanName> = (typeof spans)[N]['attributes'][number];

export type SpanAttributes<N extends SpanName> = Readonly<Partial<Record<Attribute<N>, string | number | boolean>>>;

// A proxy until an SDK is registered; without one, a span costs nothing.
const tracer = trace.getTracer('delegation-sweeper');

/** Runs `work` in a span. `describe` adds the attributes that come from the result. */
export function inSpan<N extends SpanName, Result>(
  name: N,
  attributes: SpanAttributes<N>,
  work: () => Promise<Result>,
  describe: (result: Result) => SpanAttributes<N>,
): Promise<Result> {
  return tracer.startActiveSpan(name, { attributes: prefixed(attributes) }, async (span) => {
    try {
      const result = await work();
      if (span.isRecording()) span.setAttributes(prefixed(describe(result)));
      return result;
    } catch (err) {
      recordError(span, err);
      throw err;
    } finally {
      span.end();
    }
  });
}

/** Records no more than a log line may hold: PostgreSQL's own exception quotes values of the row. */
function recordError(span: Span, err: unknown): void {
  const { code, message } = errorFields(err);
  span.recordException({ name: code ?? 'Error', message });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

function prefixed<N extends SpanName>(attributes: SpanAttributes<N>): Attributes {
  const entries = Object.entries(attributes) as [string, AttributeValue][];
  return Object.fromEntries(entries.map(([name, value]) => [`delegation_sweeper.${name}`, value]));
}
