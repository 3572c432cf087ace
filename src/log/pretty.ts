import type { DestinationStream } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { type StandardStream, standardDestination } from './turn-destination.ts';
import { visibleDeep } from './visible.ts';

export interface Prettiness {
  /** Default: where the terminal has them. */
  readonly colors?: boolean;
  /** One line's words, in place of its message and fields. */
  readonly words?: (line: Readonly<Record<string, unknown>>) => string;
}

/** The words bring colours of their own; pino-pretty wants every level named as soon as one is. */
const plainMessages = 'message:reset,info:green,warn:yellow,error:red';

/**
 * A logger's destination for people: lines in words instead of JSON. In a module of its own, since neither the daemon nor
 * an agent loads pino-pretty. Its function, not its stream: the stream loses lines when the process exits at once.
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

function hasColors(to: StandardStream | DestinationStream): boolean {
  return typeof to === 'string' && process[to].isTTY === true && process[to].hasColors();
}
