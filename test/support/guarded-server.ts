import { open } from 'node:fs/promises';
import path from 'node:path';
import { startGuarded } from '../../src/embedded/guardian.ts';
import { writeOwner } from '../../src/embedded/owner.ts';
import { signalProcess } from '../../src/embedded/process-table.ts';
import type { ServerUser } from '../../src/embedded/server-user.ts';
import { withClient } from './server.ts';
import { waitFor } from './wait-for.ts';

export interface GuardedServerOptions {
  /** The program. */
  readonly postgres: string;
  /** Has the cluster as `pgdata`; the socket and the log go there. */
  readonly dir: string;
  readonly user: ServerUser;
  /** As `name=value`. */
  readonly settings: readonly string[];
  /** What the program alone is given. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface GuardedServer {
  /** Of its maintenance database, over its unix socket. */
  readonly url: string;
  /** Immediately, as if its machine were lost; idempotent. */
  stop(): Promise<void>;
  /** In order, so that its files can be copied. */
  shutDown(): Promise<void>;
}

/** Another server than the product's. It ends with this process, however that ends, and the next run removes its folder. */
export async function startGuardedServer(
  { postgres, dir, user, settings, env = {} }: GuardedServerOptions,
  undo: AsyncDisposableStack,
): Promise<GuardedServer> {
  await writeOwner(path.join(dir, 'owner.json'), dir);
  const all = ['listen_addresses=', `unix_socket_directories=${dir}`, 'logging_collector=off', ...settings];
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const flags = all.flatMap((setting) => ['-c', setting]);
  const command = ['/usr/bin/env', ...variables, postgres, '-D', path.join(dir, 'pgdata'), ...flags];
  await using log = await open(path.join(dir, 'server.log'), 'a');
  const server = await startGuarded(command, { user, logFd: log.fd, temporaryDir: undefined });
  const stop = async () => {
    if (!server.hasEnded()) signalProcess(server.serverPid, 'SIGQUIT');
    await server.stop();
  };
  undo.defer(stop);
  const url = `postgresql://postgres@localhost/postgres?host=${dir}`;
  await waitFor('the server to take connections', () => withClient(url, async () => true).catch(() => false));
  return { url, stop, shutDown: () => server.stop() };
}
