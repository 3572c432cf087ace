import { catalogue, type EventFields, type EventName } from './catalogue.ts';
import { type LogSink, writeLine } from './log-sink.ts';

export interface EventLog {
  emit<E extends EventName>(event: E, fields: EventFields<E>): void;
}

/** Passes each event to all of them in order: the metrics, then the log. */
export function teeEventLog(...logs: readonly EventLog[]): EventLog {
  return {
    emit(event, fields) {
      for (const log of logs) log.emit(event, fields);
    },
  };
}

/**
 * The only place that gives an event its level and message. The fields are checked by their types, not at run time.
 * `common`: what each line has as well, such as the ledger that it is about.
 */
export function createEventLog(sink: LogSink, common: { readonly ledger?: string } = {}): EventLog {
  return {
    emit(event, fields) {
      const { level, message } = catalogue[event];
      writeLine(sink, level, { event, ...common, ...fields }, message);
    },
  };
}
