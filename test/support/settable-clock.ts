import { rename, writeFile } from 'node:fs/promises';
import { faketimeLibrary } from './faster-time.ts';

/** The environment of a server whose clock a file sets, from one reading to the next (Debian's faketime). Undefined: it is not installed. */
export function clockEnvironment(clockFile: string): Readonly<Record<string, string>> | undefined {
  const library = faketimeLibrary('libfaketime.so.1');
  if (library === undefined) return undefined;
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: clockFile,
    FAKETIME_NO_CACHE: '1',
    // What waits and measures goes on as before.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
}

/** The clock is ahead of the machine's by this from now on; negative: behind it. */
export async function writeClock(clockFile: string, offsetMs: number): Promise<void> {
  const seconds = offsetMs / 1000;
  await writeFile(`${clockFile}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  await rename(`${clockFile}.new`, clockFile);
}
