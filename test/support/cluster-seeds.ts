import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { writeOwner } from '../../src/embedded/owner.ts';
import { makeDatabaseDir } from './temporary-dir.ts';

const run = promisify(execFile);

/** Where this run keeps them. */
const FOLDER = 'TEST_CLUSTER_SEEDS';
const TEMPLATE_FILE = 'template';

/** For all workers that are started from here on; `undo` removes all of it. */
export async function openClusterSeeds(undo: AsyncDisposableStack): Promise<void> {
  const folder = await makeDatabaseDir();
  undo.defer(() => rm(folder, { recursive: true, force: true }));
  await writeOwner(path.join(folder, 'owner.json'), folder);
  // The server's user reaches what is in it.
  await chmod(folder, 0o755);
  process.env[FOLDER] = folder;
}

/**
 * Puts a cluster with a template database at `dir`/pgdata and returns the template's name. The first call of a kind makes
 * it, which takes seconds of CPU time: initdb, and all migrations. `make` does so in a folder of its own, and shuts the server
 * down. Undefined outside of a test run.
 */
export async function copyCluster(
  kind: string,
  dir: string,
  make: (folder: string) => Promise<string>,
): Promise<string | undefined> {
  const folder = process.env[FOLDER];
  if (folder === undefined) return undefined;
  const seed = path.join(folder, kind);
  if (!existsSync(seed)) await makeSeed(seed, make);
  const { uid, gid } = await stat(path.join(seed, 'pgdata'));
  await chown(dir, uid, gid);
  await run('cp', ['-a', path.join(seed, 'pgdata'), path.join(dir, 'pgdata')]);
  return readFile(path.join(seed, TEMPLATE_FILE), 'utf8');
}

/** Under another name, then renamed: of two workers at once, one is first and the other uses what it made. */
async function makeSeed(seed: string, make: (folder: string) => Promise<string>): Promise<void> {
  const draft = await mkdtemp(`${seed}.`);
  try {
    await writeFile(`${draft}.name`, await make(draft));
    await rename(`${draft}.name`, path.join(draft, TEMPLATE_FILE));
    await rename(draft, seed);
  } catch (err) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(seed)) throw err;
  }
}
