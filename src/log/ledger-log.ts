import type { ledgerEvents } from './catalogue/ledger.ts';
import { type Line, ledgerLines } from './catalogue/ledger-lines.ts';
import type { EventLog } from './event-log.ts';
import { type LogSink, writeLine } from './log-sink.ts';

/** Each of the catalogue's ledger events has its line here, too. */
const lines: Readonly<Record<keyof typeof ledgerEvents, Line>> = ledgerLines;

/** The event log of the ledger's library: its own events alone, without the catalogue's field schemas. */
export function createLedgerLog(sink: LogSink): EventLog {
  return {
    emit(event, fields) {
      const { level, message } = lines[event as keyof typeof lines];
      writeLine(sink, level, { event, ...fields }, message);
    },
  };
}
