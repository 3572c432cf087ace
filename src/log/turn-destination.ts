import { type DestinationStream, destination as openDestination } from 'pino';

/** Characters collected at most before they are written. */
const HELD_MAX = 65_536;
/** Characters kept while they cannot be written. More than that is lost. */
const UNWRITTEN_MAX = 1_048_576;

/**
 * Writes synchronously to a file descriptor, once for all lines of a turn of the event loop. Synchronously, so that a line
 * is written before anything else can happen to the process, and a slow reader slows the process down instead of filling
 * its memory. Once per turn, since one system call per line would cost more than everything else about a batch's lines.
 */
export function turnDestination(fd: number): DestinationStream {
  const stream = openDestination({ dest: fd, sync: true, maxLength: UNWRITTEN_MAX });
  // A closed terminal or a full disk must not stop the work that the lines report.
  stream.on('error', () => {});
  let held = '';
  const flush = () => {
    const lines = held;
    held = '';
    if (lines !== '') stream.write(lines);
  };
  // An uncaught exception or process.exit() ends the turn before its microtasks run.
  process.on('exit', flush);
  return {
    write(line) {
      if (held === '') queueMicrotask(flush);
      held += line;
      if (held.length >= HELD_MAX) flush();
    },
  };
}

export type StandardStream = 'stdout' | 'stderr';

export function standardDestination(name: StandardStream): DestinationStream {
  return turnDestination(name === 'stdout' ? 1 : 2);
}
