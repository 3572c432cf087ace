import { createRequire } from 'node:module';
import type { DestinationStream } from 'pino';
import type { prettyFactory } from 'pino-pretty';

export interface Prettiness {
  readonly colors: boolean;
  /** One line's words, in place of its message and fields. */
  readonly words?: (line: Readonly<Record<string, unknown>>) => string;
}

/** The words bring colours of their own; pino-pretty wants every level named as soon as one is. */
const plainMessages = 'message:reset,info:green,warn:yellow,error:red';

/** pino-pretty's function, not its stream: the stream loses lines when the process exits at once. */
export function prettified(stream: DestinationStream, { colors, words }: Prettiness): DestinationStream {
  const prettify = loadPrettyFactory()({
    colorize: colors,
    messageKey: 'message',
    translateTime: 'SYS:HH:MM:ss.l',
    // pino-pretty would put an event's pid into the line's head.
    ignore: words ? 'service,pid' : 'service',
    ...(words && { messageFormat: words, hideObject: true, customColors: plainMessages }),
  });
  return {
    write(line) {
      stream.write(prettify(line));
    },
  };
}

/** Only where a person reads: neither an agent nor the daemon needs it. */
function loadPrettyFactory(): typeof prettyFactory {
  return createRequire(import.meta.url)('pino-pretty').prettyFactory;
}
