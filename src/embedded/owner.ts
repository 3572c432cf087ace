import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { ProcessIdentity } from './process-entry.ts';
import { findProcess } from './process-table.ts';

/** The process responsible for a server, recorded next to the data before the server starts. */
export interface Owner extends ProcessIdentity {
  readonly socketDir: string;
}

/** Undefined when there is none: no server, or one that was started by hand. */
export async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** Records this process as the owner. */
export async function writeOwner(file: string, socketDir: string): Promise<void> {
  const self = await findProcess(process.pid);
  if (!self) throw new Error('the list of processes does not show this one');
  const owner: Owner = { pid: self.pid, startTicks: self.startTicks, bootId: self.bootId, socketDir };
  await writeFile(`${file}.new`, `${JSON.stringify(owner)}\n`);
  await rename(`${file}.new`, file);
}

export async function removeOwner(file: string): Promise<void> {
  await rm(file, { force: true });
}
