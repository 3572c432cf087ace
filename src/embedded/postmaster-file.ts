import { readFile, writeFile } from 'node:fs/promises';
import { findProcess } from './process-table.ts';

/** What a running server writes about itself into its data directory's postmaster.pid. */
export interface PostmasterFile {
  readonly pid: number;
  readonly startedAtS: number;
  readonly socketDir: string;
  readonly status: 'starting' | 'stopping' | 'ready' | 'standby' | '';
}

/** Undefined when there is none. */
export async function readPostmasterFile(cluster: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(`${cluster}/postmaster.pid`, 'utf8').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return '';
    throw err;
  });
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const status = (lines[7] ?? '') as PostmasterFile['status'];
  return { pid, startedAtS: Number(lines[2]), socketDir: lines[4] ?? '', status };
}

/** The file of a server that really runs; one that a crash left behind does not count. */
export async function findServer(cluster: string): Promise<PostmasterFile | undefined> {
  const file = await readPostmasterFile(cluster);
  return file && (await isServerOf(cluster, file)) ? file : undefined;
}

/** Its command line names the folder; a server that was started by hand is recognised by its start time. */
export async function isServerOf(cluster: string, file: PostmasterFile): Promise<boolean> {
  const found = await findProcess(file.pid);
  if (found?.program !== 'postgres') return false;
  if (found.commandLine.includes(cluster)) return true;
  return Math.abs(found.startedAtS - file.startedAtS) <= 5;
}

/** Above every pid that Linux assigns, so no process has it. */
const NOBODYS_PID = 2_147_483_646;

/**
 * For a folder on which no server runs. An old file whose pid now belongs to an unrelated process, or still to a zombie,
 * stops PostgreSQL from starting. Only the pid is replaced: by the rest of the file PostgreSQL finds backends that are
 * still running without their postmaster, and waits for them.
 */
export async function disownStaleFile(cluster: string): Promise<void> {
  if (!(await readPostmasterFile(cluster))) return;
  const path = `${cluster}/postmaster.pid`;
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/^\s*\d+/, String(NOBODYS_PID)));
}
