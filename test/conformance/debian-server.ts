import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { pickServerUser, runAs } from '../../src/embedded/server-user.ts';
import { makeTemplate, type ServerWithTemplate } from '../support/own-server.ts';
import { withClient } from '../support/server.ts';
import { makeDatabaseDir } from '../support/temporary-dir.ts';
import { waitFor } from '../support/wait-for.ts';

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
  const data = path.join(dir, 'pgdata');
  const cluster = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await runAs(user, path.join(bin, 'initdb'), cluster, TIMEOUT_MS);
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${dir}`,
    'max_connections=200',
    ...(durable ? [] : ['fsync=off']),
    ...others,
  ];
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  const server = spawn(path.join(bin, 'postgres'), args, {
    stdio: 'ignore',
    uid: user.uid,
    gid: user.gid,
    env: { ...process.env, ...env },
  });
  undo.defer(async () => {
    if (server.exitCode !== null) return;
    const exit = once(server, 'exit');
    server.kill('SIGQUIT');
    await exit;
  });
  const url = `postgresql://postgres@localhost/postgres?host=${dir}`;
  await waitFor('the server to take connections', () => withClient(url, async () => true).catch(() => false));
  return { ...(await makeTemplate(url, undo)), bin };
}

export async function newestBin(): Promise<string> {
  const versions = await readdir(VERSIONS).catch((): string[] => []);
  const bins = versions.sort((a, b) => Number(b) - Number(a)).map((version) => path.join(VERSIONS, version, 'bin'));
  for (const bin of bins) if ((await readdir(bin).catch((): string[] => [])).includes('postgres')) return bin;
  throw new Error('there is no PostgreSQL server with pg_dump here: install postgresql (Debian: apt-get install)');
}
