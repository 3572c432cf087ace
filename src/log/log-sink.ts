import type { EventLevel } from './event-level.ts';

type Write = (line: object, message: string) => void;

/** The part of a logger that events need: any pino has it, a user's own one included. The ledger logs nothing fatal. */
export type LogSink = Readonly<Record<Exclude<EventLevel, 'fatal'>, Write>> & { readonly fatal?: Write };

/** A sink without `fatal` gets such a line as an error. */
export function writeLine(sink: LogSink, level: EventLevel, line: object, message: string): void {
  if (level !== 'fatal') sink[level](line, message);
  else if (sink.fatal) sink.fatal(line, message);
  else sink.error(line, message);
}
