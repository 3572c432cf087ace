import type { Config } from '../config/config.ts';
import { onProcessWarning } from '../lifecycle/warnings.ts';
import { errorFields } from '../log/error-fields.ts';
import { createEventLog, type EventLog } from '../log/event-log.ts';
import { createLogger } from '../log/logger.ts';
import { prettyDestination } from '../log/pretty.ts';

/** A one-shot command's log: on stderr, as JSON, or as readable lines on a terminal. */
export function commandLog({ logLevel }: Config): EventLog {
  const destination = process.stderr.isTTY === true ? prettyDestination('stderr') : 'stderr';
  const log = createEventLog(createLogger({ level: logLevel, destination }));
  logWarnings(log);
  return log;
}

/** Warnings of Node and of libraries become events: plain text would break a log of JSON lines. */
export function logWarnings(log: EventLog): Disposable {
  return onProcessWarning((warning) => {
    const { code = null, name } = warning;
    log.emit('process.warning', { name, code, detail: errorFields(warning).message });
  });
}
