import { chown, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { pickServerUser, runAs, type ServerUser } from '../../src/embedded/server-user.ts';
import { copyCluster } from '../support/cluster-seeds.ts';
import { startGuardedServer } from '../support/guarded-server.ts';
import { createTemplate, type ServerWithTemplate } from '../support/own-server.ts';
import { makeDatabaseDir } from '../support/temporary-dir.ts';

const VERSIONS = '/usr/lib/postgresql';
const TIMEOUT_MS = 120_000;

export interface DebianServer extends ServerWithTemplate {
  /** Where its programs are: pg_dump is of the same version, which the embedded server does not bring. */
  readonly bin: string;
}

/** A server of Debian's newest PostgreSQL here, with a template; all of it goes with `undo`. */
export async function startDebianServer(
  undo: AsyncDisposableStack,
  {
    durable = false,
    env = {},
    settings: others = [],
  }: {
    readonly durable?: boolean;
    readonly env?: NodeJS.ProcessEnv;
    /** Further settings, as `name=value`. */
    readonly settings?: readonly string[];
  } = {},
): Promise<DebianServer> {
  const bin = await newestBin();
  const dir = await makeDatabaseDir();
  undo.defer(() => rm(dir, { recursive: true, force: true }));
  const user = await pickServerUser();
  if (user.stepDown) await chown(dir, user.uid, user.gid);
  const template =
    (await copyCluster('debian', dir, (folder) => seed(bin, user, folder))) ?? (await seed(bin, user, dir));
  const postgres = path.join(bin, 'postgres');
  const settings = ['max_connections=200', ...(durable ? [] : ['fsync=off']), ...others];
  const { url } = await startGuardedServer({ postgres, dir, user, settings, env }, undo);
  return { url, template, bin };
}

/** Makes a cluster with a template in this folder, and returns the template's name. */
async function seed(bin: string, user: ServerUser, dir: string): Promise<string> {
  if (user.stepDown) await chown(dir, user.uid, user.gid);
  const cluster = ['-D', path.join(dir, 'pgdata'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
  await runAs(user, path.join(bin, 'initdb'), [...cluster, '--no-sync'], TIMEOUT_MS);
  await using undo = new AsyncDisposableStack();
  const settings = ['fsync=off', 'min_wal_size=32MB', 'max_wal_size=64MB'];
  const server = await startGuardedServer({ postgres: path.join(bin, 'postgres'), dir, user, settings }, undo);
  const template = await createTemplate(server.url);
  await server.shutDown();
  return template;
}

export async function newestBin(): Promise<string> {
  const versions = await readdir(VERSIONS).catch((): string[] => []);
  const bins = versions.sort((a, b) => Number(b) - Number(a)).map((version) => path.join(VERSIONS, version, 'bin'));
  for (const bin of bins) if ((await readdir(bin).catch((): string[] => [])).includes('postgres')) return bin;
  throw new Error('there is no PostgreSQL server with pg_dump here: install postgresql (Debian: apt-get install)');
}
