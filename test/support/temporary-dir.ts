import { mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readOwner } from '../../src/embedded/owner.ts';
import { isAlive } from '../../src/embedded/process-table.ts';

const SHARED_MEMORY = '/dev/shm';
const ROOMY_BYTES = 4 * 1024 ** 3;
const PREFIX = 'delegation-sweeper-test-';

/** A folder for a test's database: in memory where there is room (copying a database takes 15 ms there, 100 on disk). */
export async function makeDatabaseDir(): Promise<string> {
  const parent = (await isRoomy(SHARED_MEMORY)) ? SHARED_MEMORY : tmpdir();
  await removeAbandoned(parent);
  return mkdtemp(path.join(parent, PREFIX));
}

async function isRoomy(dir: string): Promise<boolean> {
  const free = await statfs(dir).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return free >= ROOMY_BYTES;
}

/** What a killed run left. One that is still being made has no owner file yet. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of (await readdir(parent)).filter((entry) => entry.startsWith(PREFIX))) {
    const dir = path.join(parent, name);
    const owner = await readOwner(path.join(dir, 'owner.json'));
    if (owner && !(await isAlive(owner))) await rm(dir, { recursive: true, force: true });
  }
}
