import { Writable } from 'node:stream';

export interface LogCapture {
  /** Every line logged so far, parsed. A line that is not JSON fails the write. */
  readonly lines: Array<Record<string, unknown>>;
  readonly stream: NodeJS.WritableStream;
  /** The lines whose `event` this is, in order. */
  events(name: string): Array<Record<string, unknown>>;
}

/** A destination for a logger. */
export function captureLog(): LogCapture {
  const lines: Array<Record<string, unknown>> = [];
  let rest = '';
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      try {
        const parts = (rest + chunk.toString()).split('\n');
        rest = parts.pop() ?? '';
        lines.push(...parts.filter((part) => part !== '').map((part) => JSON.parse(part)));
        done();
      } catch (err) {
        done(err as Error);
      }
    },
  });
  return { lines, stream, events: (name) => lines.filter((line) => line.event === name) };
}
