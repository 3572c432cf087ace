import {
  type Attributes,
  type AttributeValue,
  isSpanContextValid,
  type Link,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { ERROR_TYPE, errorClass } from '../log/error-class.ts';
import { errorFields } from '../log/error-fields.ts';

/**
 * Every span. Attributes have the prefix `delegation_sweeper.`, but for the `error.type` of a span that failed;
 * docs/observability.md has the table.
 */
export const spans = {
  sweep: {
    meaning: 'one sweep; the log lines of the sweep carry its trace_id',
    attributes: ['sweep_id', 'trigger', 'stuck', 'failed', 'poisoned', 'held', 'truncated'],
  },
  'sweep batch': {
    meaning:
      'one batch of a sweep: one statement, one transaction; a link to the span in which each marked delegation was made, with its `delegation_sweeper.delegation_id`',
    attributes: ['rule', 'rows'],
  },
} as const;

export type SpanName = keyof typeof spans;

type Attribute<N extends SpanName> = (typeof spans)[N]['attributes'][number];

export type SpanAttributes<N extends SpanName> = Readonly<Partial<Record<Attribute<N>, string | number | boolean>>>;

// A proxy until an SDK is registered; without one, a span costs nothing.
const tracer = trace.getTracer('delegation-sweeper');

/** What a span links to: the trace of whoever delegated. */
export interface TracedDelegation {
  readonly delegationId: string;
  readonly traceparent: string | null;
}

/** Links of one span, at most: as many as the SDK keeps by default. */
const LINKS_MAX = 128;

/** Runs `work` in a span. `describe` adds the attributes that come from the result, `delegations` the links. */
export function inSpan<N extends SpanName, Result>(
  name: N,
  attributes: SpanAttributes<N>,
  work: () => Promise<Result>,
  describe: (result: Result) => SpanAttributes<N>,
  delegations: (result: Result) => readonly TracedDelegation[] = () => [],
): Promise<Result> {
  return tracer.startActiveSpan(name, { attributes: prefixed(attributes) }, async (span) => {
    try {
      const result = await work();
      if (span.isRecording()) {
        span.setAttributes(prefixed(describe(result)));
        span.addLinks(delegations(result).flatMap(linkTo).slice(0, LINKS_MAX));
      }
      return result;
    } catch (err) {
      recordError(span, err);
      throw err;
    } finally {
      span.end();
    }
  });
}

/** No more than a log line may hold: PostgreSQL's own exception quotes values of the row. */
function recordError(span: Span, err: unknown): void {
  const fields = errorFields(err);
  span.setAttribute(ERROR_TYPE, errorClass(fields));
  span.setStatus({ code: SpanStatusCode.ERROR, message: fields.message });
}

/** None where the delegation has no W3C trace context that names a span. */
function linkTo({ delegationId, traceparent }: TracedDelegation): Link[] {
  const [, traceId = '', spanId = '', flags = ''] = traceparent?.split('-') ?? [];
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(context)
    ? [{ context, attributes: { 'delegation_sweeper.delegation_id': delegationId } }]
    : [];
}

function prefixed<N extends SpanName>(attributes: SpanAttributes<N>): Attributes {
  const entries = Object.entries(attributes) as [string, AttributeValue][];
  return Object.fromEntries(entries.map(([name, value]) => [`delegation_sweeper.${name}`, value]));
}
