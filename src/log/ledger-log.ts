import type { ledgerEvents } from './catalogue/ledger.ts';
import { type Line, ledgerLines } from './catalogue/ledger-lines.ts';
import type { EventLog } from './event-log.ts';
import { type LogSink, writeLine } from './log-sink.ts';

/** The type ensures that every ledger event of the catalogue has a line here. */
const lines: Readonly<Record<keyof typeof ledgerEvents, Line>> = ledgerLines;

/** The event log of the ledger library: only its own events, without the catalogue's field schemas, which need zod. */
export function createLedgerLog(sink: LogSink): EventLog {
  return {
    emit(event, fields) {
      const { level, message } = lines[event as keyof typeof lines];
      writeLine(sink, level, { event, ...fields }, message);
    },
  };
}
