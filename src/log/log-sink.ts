import type { EventLevel } from './event-level.ts';

type Write = (line: object, message: string) => void;

/** The part of a logger that events need. Any pino logger has it. The ledger logs nothing at level `fatal`. */
export type LogSink = Readonly<Record<Exclude<EventLevel, 'fatal'>, Write>> & { readonly fatal?: Write };

/** A sink without `fatal` gets a fatal line as an error. */
export function writeLine(sink: LogSink, level: EventLevel, line: object, message: string): void {
  if (level !== 'fatal') sink[level](line, message);
  else if (sink.fatal) sink.fatal(line, message);
  else sink.error(line, message);
}
