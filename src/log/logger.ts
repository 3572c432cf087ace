import { context, isSpanContextValid, trace } from '@opentelemetry/api';
import { type DestinationStream, type LevelWithSilent, type Logger, pino, stdTimeFunctions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { turnDestination } from './turn-destination.ts';
import { visibleDeep } from './visible.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: LevelWithSilent;
  /** Default: stdout, the daemon's; one-shot commands log to stderr, since their stdout is the answer. */
  readonly destination?: 'stdout' | 'stderr' | DestinationStream;
  readonly service?: string;
  /** Lines for people instead of JSON, with colours where the terminal has them. */
  readonly pretty?: boolean | Prettiness;
}

export interface Prettiness {
  readonly colors: boolean;
  /** One line's words, in place of its message and fields. */
  readonly words?: (line: Readonly<Record<string, unknown>>) => string;
}

/**
 * One JSON object a line: level as a word, time in ISO 8601 UTC, service, the event's fields, trace_id and span_id where
 * a span is active, message.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { level, destination = 'stdout', service = 'delegation-sweeper', pretty = false } = options;
  const stream = typeof destination === 'string' ? openStandard(destination) : destination;
  return pino(
    {
      level,
      base: { service },
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // pino's own would take { code, message } for an Error and add a type and a stack.
      serializers: { err: (err) => err },
      mixin: activeTrace,
      mixinMergeStrategy: (line, ids) => (ids === noTrace ? line : { ...line, ...ids }),
    },
    pretty === false ? stream : prettified(stream, pretty === true ? { colors: hasColors(destination) } : pretty),
  );
}

const noTrace = {};

/** The span that the line belongs to, under OpenTelemetry's own names; nothing while no span is active. */
function activeTrace(): object {
  const span = trace.getSpanContext(context.active());
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : noTrace;
}

function openStandard(name: 'stdout' | 'stderr'): DestinationStream {
  return turnDestination(name === 'stdout' ? 1 : 2);
}

/** The words bring colours of their own; pino-pretty wants every level named as soon as one is. */
const plainMessages = 'message:reset,info:green,warn:yellow,error:red';

/** pino-pretty's function, not its stream: the stream loses lines when the process exits at once. */
function prettified(stream: DestinationStream, { colors, words }: Prettiness): DestinationStream {
  const prettify = prettyFactory({
    colorize: colors,
    messageKey: 'message',
    translateTime: 'SYS:HH:MM:ss.l',
    // pino-pretty would put an event's pid into the line's head.
    ignore: words ? 'service,pid' : 'service',
    ...(words && { messageFormat: words, hideObject: true, customColors: plainMessages }),
  });
  return {
    write(line) {
      // A person's terminal would obey what an id may hold; a JSON line has it escaped.
      stream.write(prettify(JSON.stringify(visibleDeep(JSON.parse(line)))));
    },
  };
}

function hasColors(destination: 'stdout' | 'stderr' | DestinationStream): boolean {
  if (typeof destination !== 'string') return false;
  const terminal = process[destination];
  return terminal.isTTY === true && terminal.hasColors();
}
