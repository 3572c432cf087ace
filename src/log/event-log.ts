import type { EventLevel } from './catalogue/event.ts';
import { catalogue, type EventFields, type EventName } from './catalogue.ts';

export interface EventLog {
  emit<E extends EventName>(event: E, fields: EventFields<E>): void;
}

type Write = (line: object, message: string) => void;

/** The part of a logger that events need: any pino has it, a user's own one included. The ledger logs nothing fatal. */
export type LogSink = Readonly<Record<Exclude<EventLevel, 'fatal'>, Write>> & { readonly fatal?: Write };

/** One event, heard by all: the metrics, then the log. */
export function teeEventLog(...logs: readonly EventLog[]): EventLog {
  return {
    emit(event, fields) {
      for (const log of logs) log.emit(event, fields);
    },
  };
}

/** The one place that gives an event its level and its words. The types hold the fields; nothing is validated here. */
export function createEventLog(sink: LogSink): EventLog {
  return {
    emit(event, fields) {
      const { level, message } = catalogue[event];
      const line = { event, ...fields };
      if (level === 'fatal' && sink.fatal) sink.fatal(line, message);
      else sink[level === 'fatal' ? 'error' : level](line, message);
    },
  };
}
