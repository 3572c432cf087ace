import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { type StandardStream, standardDestination } from './turn-destination.ts';
import { visibleDeep } from './visible.ts';

export interface Prettiness {
  /** Default: when the terminal supports them. */
  readonly colors?: boolean;
  /** The text of one line, in place of its message and fields. */
  readonly words?: (line: Readonly<Record<string, unknown>>) => string;
}

/** The texts have colours of their own; pino-pretty needs every level named as soon as one is. */
const plainMessages = 'message:reset,info:green,warn:yellow,error:red';

/**
 * A logger's destination for people: readable lines instead of JSON. In a module of its own, since neither the daemon nor
 * an agent loads pino-pretty. Uses its function and not its stream, which loses lines when the process exits at once.
 */
export function prettyDestination(
  to: StandardStream | DestinationStream,
  { colors = hasColors(to), words }: Prettiness = {},
): DestinationStream {
  const stream = typeof to === 'string' ? standardDestination(to) : to;
  const prettify = prettyFactory({
    colorize: colors,
    messageKey: 'message',
    translateTime: 'SYS:HH:MM:ss.l',
    // pino-pretty would put an event's pid at the start of the line.
    ignore: words ? 'service,pid' : 'service',
    ...(words && { messageFormat: words, hideObject: true, customColors: plainMessages }),
  });
  return {
    write(line) {
      // An id may contain control characters, which a terminal would obey. In a line of JSON they are escaped.
      stream.write(prettify(JSON.stringify(visibleDeep(JSON.parse(line)))));
    },
  };
}

function hasColors(to: StandardStream | DestinationStream): boolean {
  return typeof to === 'string' && process[to].isTTY === true && process[to].hasColors();
}
