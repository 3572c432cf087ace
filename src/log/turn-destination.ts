import { type DestinationStream, destination as openDestination } from 'pino';

/** Characters held back at most. */
const HELD_MAX = 65_536;
/** Characters kept of what could not be written. What comes on top is lost. */
const UNWRITTEN_MAX = 1_048_576;

/**
 * Writes synchronously to a file descriptor, once for all lines of a turn of the event loop: a line is out before
 * anything else can happen to the process, and a slow reader holds us up instead of memory, but the thousand lines of
 * a batch are a few system calls, which a line each cost more than all else in them.
 */
export function turnDestination(fd: number): DestinationStream {
  const stream = openDestination({ dest: fd, sync: true, maxLength: UNWRITTEN_MAX });
  // A terminal that has gone, a disk that is full: no reason to stop the work that the lines are about.
  stream.on('error', () => {});
  let held = '';
  const flush = () => {
    const lines = held;
    held = '';
    if (lines !== '') stream.write(lines);
  };
  // An exception that nobody catches, or process.exit(), ends the turn before its microtasks.
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
