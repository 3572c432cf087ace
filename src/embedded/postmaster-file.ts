import { readFile, writeFile } from 'node:fs/promises';
import { findProcess } from './process-table.ts';

/** What a running server says of itself in its data directory's postmaster.pid. */
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

/** The file of a server that really runs; a file that a crash left behind counts for nothing. */
export async function findServer(cluster: string): Promise<PostmasterFile | undefined> {
  const file = await readPostmasterFile(cluster);
  return file && (await isServerOf(cluster, file)) ? file : undefined;
}

/** Its command line names the folder; a server that somebody started by hand is told by when it started. */
export async function isServerOf(cluster: string, file: PostmasterFile): Promise<boolean> {
  const found = await findProcess(file.pid);
  if (found?.program !== 'postgres') return false;
  if (found.commandLine.includes(cluster)) return true;
  return Math.abs(found.startedAtS - file.startedAtS) <= 5;
}

/** Above every pid that Linux gives, so surely nobody's. */
const NOBODYS_PID = 2_147_483_646;

/**
 * For a folder on which no server runs. A stale file whose pid now is an unrelated process's, or still a zombie's, keeps
 * PostgreSQL from starting. The pid alone is replaced: the rest of the file is how PostgreSQL finds backends that
 * outlived their postmaster, and waits for them.
 */
export async function disownStaleFile(cluster: string): Promise<void> {
  if (!(await readPostmasterFile(cluster))) return;
  const path = `${cluster}/postmaster.pid`;
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/^\s*\d+/, String(NOBODYS_PID)));
}
