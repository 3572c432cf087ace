import { catalogue, type EventFields, type EventName } from './catalogue.ts';
import { type LogSink, writeLine } from './log-sink.ts';

export interface EventLog {
  emit<E extends EventName>(event: E, fields: EventFields<E>): void;
}

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
      writeLine(sink, level, { event, ...fields }, message);
    },
  };
}
