import { closeSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createEventLog, type EventLog } from '../src/log/event-log.ts';
import { createLogger } from '../src/log/logger.ts';
import { turnDestination } from '../src/log/turn-destination.ts';

/** The daemon's log, written as the daemon writes its standard output, to a file. */
export class LogFile implements Disposable {
  readonly log: EventLog;
  readonly path = path.join(tmpdir(), `delegation-sweeper-bench-${process.pid}.log`);
  readonly #fd: number;

  constructor() {
    this.#fd = openSync(this.path, 'w');
    this.log = createEventLog(createLogger({ level: 'info', destination: turnDestination(this.#fd) }));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
    rmSync(this.path, { force: true });
  }
}
