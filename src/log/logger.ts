import { type DestinationStream, type LevelWithSilent, type Logger, pino, stdTimeFunctions } from 'pino';
import { type StandardStream, standardDestination } from './turn-destination.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: LevelWithSilent;
  /** Default: stdout, as the daemon logs; one-shot commands log to stderr, since their answer goes to stdout. */
  readonly destination?: StandardStream | DestinationStream;
  readonly service?: string;
  /** Fields that are added to each line, such as the ids of the span that is active. */
  readonly mixin?: () => object;
}

/**
 * One JSON object per line: level as a word, time in ISO 8601 UTC, service, the event's fields, those of `mixin`,
 * message.
 */
export function createLogger(options: LoggerOptions): Logger {
  const { level, destination = 'stdout', service = 'delegation-sweeper', mixin } = options;
  return pino(
    {
      level,
      base: { service },
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // pino's own serializer would treat { code, message } as an Error and add a type and a stack.
      serializers: { err: (err) => err },
      // pino's own merge would copy the line even where there is nothing to add.
      ...(mixin && { mixin, mixinMergeStrategy: mergeUnlessEmpty }),
    },
    typeof destination === 'string' ? standardDestination(destination) : destination,
  );
}

function mergeUnlessEmpty(line: object, added: object): object {
  for (const _ in added) return { ...line, ...added };
  return line;
}
