import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, readdir, readlink, realpath, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { SYSTEM_DIR } from './binaries.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { canEnter, pickServerUser, type ServerUser } from './server-user.ts';

/** A link in a data directory that the server's user cannot reach: it points to where the data really are. */
const MOVED = 'moved-to';

/** A folder with one database cluster and the files that belong to it. */
export interface DataHome {
  readonly dir: string;
  readonly cluster: string;
  readonly log: string;
  readonly owner: string;
  readonly user: ServerUser;
}

/** Makes the folder and returns its path with links resolved, so that two starts use the same name. */
export async function makeDataDir(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true });
    return await realpath(dataDir);
  } catch (err) {
    throw unusable(dataDir, err);
  }
}

/** Finds or makes the folder for the data: `dataDir` (absolute, existing), or one that the server's user can reach. */
export async function openDataHome(dataDir: string): Promise<DataHome> {
  try {
    const moved = await readlink(path.join(dataDir, MOVED)).catch(() => undefined);
    if (moved !== undefined && (await isFolder(moved))) return dataHome(moved, await clusterUser(moved));
    const user = await clusterUser(dataDir);
    if (!user.stepDown || (await canEnter(user, dataDir))) return dataHome(dataDir, user);
    return dataHome(await reachableDir(dataDir, user), user);
  } catch (err) {
    throw unusable(dataDir, err);
  }
}

/** The folder of existing data; undefined where there are none. Makes nothing. */
export async function findDataHome(dataDir: string): Promise<DataHome | undefined> {
  const moved = await readlink(path.join(dataDir, MOVED)).catch(() => undefined);
  const dir = moved ?? (await realpath(dataDir).catch(() => undefined));
  return dir !== undefined && (await isFolder(dir)) ? dataHome(dir, await clusterUser(dir)) : undefined;
}

async function clusterUser(dir: string): Promise<ServerUser> {
  return pickServerUser(await stat(path.join(dir, 'pgdata')).catch(() => undefined));
}

function dataHome(dir: string, user: ServerUser): DataHome {
  return {
    dir,
    cluster: path.join(dir, 'pgdata'),
    log: path.join(dir, 'server.log'),
    owner: path.join(dir, 'owner.json'),
    user,
  };
}

async function reachableDir(dataDir: string, user: ServerUser): Promise<string> {
  const isOurs = (await readdir(dataDir)).length === 0 && (await canEnter(user, path.dirname(dataDir)));
  if (isOurs) {
    await chown(dataDir, user.uid, user.gid);
    if (await canEnter(user, dataDir)) return dataDir;
  }
  await mkdir(SYSTEM_DIR, { recursive: true, mode: 0o755 });
  // The name is new each time, so that deleting dataDir gives an empty database, as anywhere else.
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  const elsewhere = await mkdtemp(path.join(SYSTEM_DIR, `${hash}-`));
  await chmod(elsewhere, 0o755);
  if (!(await canEnter(user, elsewhere))) throw new Error(`uid ${user.uid} can enter neither it nor ${elsewhere}`);
  await symlink(elsewhere, path.join(dataDir, MOVED));
  return elsewhere;
}

async function isFolder(dir: string): Promise<boolean> {
  const found = await stat(dir).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

export function unusable(dataDir: string, err: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'data_dir_unusable',
    `DATA_DIR ${dataDir} cannot hold the embedded PostgreSQL's data: ${(err as Error).message}`,
    { cause: err },
  );
}
