import { type DestinationStream, type LevelWithSilent, type Logger, pino, stdTimeFunctions } from 'pino';
import { type Prettiness, prettified } from './pretty.ts';
import { turnDestination } from './turn-destination.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: LevelWithSilent;
  /** Default: stdout, the daemon's; one-shot commands log to stderr, since their stdout is the answer. */
  readonly destination?: 'stdout' | 'stderr' | DestinationStream;
  readonly service?: string;
  /** Lines for people instead of JSON, with colours where the terminal has them. */
  readonly pretty?: boolean | Prettiness;
  /** Fields that are added to each line, such as the ids of the span that is active. */
  readonly mixin?: () => object;
}

/**
 * One JSON object a line: level as a word, time in ISO 8601 UTC, service, the event's fields, those of `mixin`,
 * message.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { level, destination = 'stdout', service = 'delegation-sweeper', pretty = false, mixin } = options;
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
      // Not pino's own merge, which copies the line even where there is nothing to add.
      ...(mixin && { mixin, mixinMergeStrategy: mergeUnlessEmpty }),
    },
    pretty === false ? stream : prettified(stream, pretty === true ? { colors: hasColors(destination) } : pretty),
  );
}

function mergeUnlessEmpty(line: object, added: object): object {
  for (const _ in added) return { ...line, ...added };
  return line;
}

function openStandard(name: 'stdout' | 'stderr'): DestinationStream {
  return turnDestination(name === 'stdout' ? 1 : 2);
}

function hasColors(destination: 'stdout' | 'stderr' | DestinationStream): boolean {
  if (typeof destination !== 'string') return false;
  const terminal = process[destination];
  return terminal.isTTY === true && terminal.hasColors();
}
