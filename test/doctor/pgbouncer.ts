import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pickServerUser } from '../../src/embedded/server-user.ts';
import { withClient } from '../support/server.ts';
import { makeDatabaseDir } from '../support/temporary-dir.ts';
import { waitFor } from '../support/wait-for.ts';

/** PgBouncer before a server with a unix socket, in this mode. Returns the URL of the database through it. */
export async function startPgBouncer(databaseUrl: string, mode: string, undo: AsyncDisposableStack): Promise<string> {
  const dir = await makeDatabaseDir();
  undo.defer(() => rm(dir, { recursive: true, force: true }));
  const url = new URL(databaseUrl);
  const name = url.pathname.slice(1);
  const file = path.join(dir, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
${name} = host=${url.searchParams.get('host')} port=${url.port || 5432} user=postgres
[pgbouncer]
unix_socket_dir = ${dir}
listen_port = 6432
auth_type = any
pool_mode = ${mode}
default_pool_size = 1
ignore_startup_parameters = extra_float_digits
`,
  );
  const user = await pickServerUser();
  if (user.stepDown) await Promise.all([dir, file].map((one) => chown(one, user.uid, user.gid)));
  const bouncer = spawn('/usr/sbin/pgbouncer', [file], { stdio: 'ignore', uid: user.uid, gid: user.gid });
  undo.defer(() => ended(bouncer));
  const through = `postgresql://postgres@localhost:6432/${name}?host=${dir}`;
  await waitFor('PgBouncer to take connections', () => withClient(through, async () => true).catch(() => false));
  return through;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  child.kill('SIGTERM');
  await exit;
}
