import { chown, mkdir, readFile, rename, rm } from 'node:fs/promises';
import type { Binaries } from './binaries.ts';
import type { DataHome } from './data-home.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { runAs } from './server-user.ts';

const INITDB_TIMEOUT_MS = 120_000;

/** Creates the database cluster where there is none yet; one of another major version is refused. */
export async function ensureCluster(home: DataHome, binaries: Binaries, durable: boolean): Promise<void> {
  const major = await clusterMajor(home);
  if (major === undefined) return createCluster(home, binaries, durable);
  if (major !== binaries.major) {
    throw new EmbeddedPostgresError(
      'version_mismatch',
      `DATA_DIR ${home.dir} holds data of PostgreSQL ${major}, the embedded server is PostgreSQL ${binaries.major}: dump and restore them, or name another DATA_DIR.`,
    );
  }
}

async function clusterMajor(home: DataHome): Promise<string | undefined> {
  try {
    return (await readFile(`${home.cluster}/PG_VERSION`, 'utf8')).trim();
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new EmbeddedPostgresError('data_dir_unusable', `The data in ${home.cluster} cannot be read.`, { cause: err });
  }
}

async function createCluster(home: DataHome, binaries: Binaries, durable: boolean): Promise<void> {
  const { user } = home;
  // Made under another name, then renamed: a killed initdb leaves nothing that looks like a cluster.
  const draft = `${home.cluster}.new`;
  try {
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    if (user.stepDown) await chown(draft, user.uid, user.gid);
    const identity = ['--username=postgres', '--auth-local=trust', '--auth-host=reject'];
    // The builtin provider needs no locale of the machine's.
    const text = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const rest = ['--no-instructions', ...(durable ? [] : ['--no-sync'])];
    await runAs(user, binaries.initdb, [`--pgdata=${draft}`, ...identity, ...text, ...rest], INITDB_TIMEOUT_MS);
    await rename(draft, home.cluster);
  } catch (err) {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    const { stderr, message } = err as { stderr?: string; message: string };
    throw new EmbeddedPostgresError(
      'data_dir_unusable',
      `No database cluster could be made in DATA_DIR ${home.dir}: ${stderr?.trim() || message}`,
      { cause: err },
    );
  }
}
