import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

const LIBRARIES = '/usr/lib';

/** Debian's faketime, where it is installed. */
export function faketimeLibrary(name: 'libfaketime.so.1' | 'libfaketimeMT.so.1'): string | undefined {
  return readdirSync(LIBRARIES)
    .map((folder) => path.join(LIBRARIES, folder, 'faketime', name))
    .find((file) => existsSync(file));
}

/**
 * The environment of a program for which time passes so many times as fast, all its clocks and all that it waits for (Debian's
 * faketime). Where a server and its daemons have it alike, they go through hours in minutes and notice nothing: their
 * clocks differ by a constant, as those of hosts do. What is measured between them is measured by the server's clock.
 */
export function fasterTime(factor: number): Readonly<Record<'LD_PRELOAD' | 'FAKETIME', string>> {
  const library = faketimeLibrary('libfaketimeMT.so.1');
  if (library === undefined)
    throw new Error('there is no libfaketime here: install faketime (Debian: apt-get install)');
  return { LD_PRELOAD: library, FAKETIME: `+0 x${factor}` };
}
