import { createEventLog, type EventLog } from '../log/event-log.ts';
import { createLogger } from '../log/logger.ts';
import { prettyDestination } from '../log/pretty.ts';
import { isWorthALine, narrate } from './narration.ts';

/** The demo's output: events above, and at the bottom of a terminal one line of progress. */
export interface Screen extends Disposable {
  readonly log: EventLog;
  /** Called repeatedly for the progress line's text. */
  showProgress(text: () => string): void;
  /** Text for people; left out among JSON lines. */
  print(text: string): void;
}

/** JSON lines on stdout when they are asked for, or when that is no terminal. */
export function openScreen({ json }: { readonly json: boolean }): Screen {
  return process.stdout.isTTY && !json ? new TerminalScreen() : jsonScreen();
}

function jsonScreen(): Screen {
  const log = createEventLog(createLogger({ level: 'info', destination: 'stdout' }));
  return { log, showProgress() {}, print() {}, [Symbol.dispose]() {} };
}

const REFRESH_MS = 200;
const CLEAR_LINE = '\r\x1b[K';

class TerminalScreen implements Screen {
  readonly log: EventLog;
  #progress = () => '';
  readonly #timer = setInterval(() => this.#draw(), REFRESH_MS).unref();

  constructor() {
    const events = createEventLog(
      createLogger({
        level: 'info',
        destination: prettyDestination(
          { write: (line) => this.print(line) },
          { colors: process.stdout.hasColors(), words: narrate },
        ),
      }),
    );
    this.log = {
      emit(event, fields) {
        if (isWorthALine(event)) events.emit(event, fields);
      },
    };
  }

  showProgress(text: () => string): void {
    this.#progress = text;
  }

  print(text: string): void {
    process.stdout.write(CLEAR_LINE + text);
    this.#draw();
  }

  #draw(): void {
    // A line that wraps could not be cleared.
    process.stdout.write(CLEAR_LINE + this.#progress().slice(0, process.stdout.columns - 1));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    process.stdout.write(CLEAR_LINE);
  }
}
