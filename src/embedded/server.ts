import { open } from 'node:fs/promises';
import path from 'node:path';
import type { Binaries } from './binaries.ts';
import type { DataHome } from './data-home.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { type Guardian, startGuarded } from './guardian.ts';
import { poll } from './poll.ts';
import { awaitReady, logTail } from './server-state.ts';
import { isTemporary, PORT } from './socket-dir.ts';

export interface ServerOptions {
  readonly home: DataHome;
  readonly binaries: Binaries;
  readonly socketDir: string;
  readonly durable: boolean;
  readonly settings: Readonly<Record<string, string>>;
}

/** Small enough for a laptop and a container, enough for the daemon and a few hundred test sessions. */
const DEFAULTS = {
  shared_buffers: '128MB',
  max_connections: '100',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** How long backends may go on after their postmaster was killed. */
const LEFTOVERS_TIMEOUT_MS = 20_000;

/** Starts the server and waits until it accepts connections. Throws EmbeddedPostgresError with the end of its log. */
export async function startServer(options: ServerOptions): Promise<Guardian> {
  const started = await poll(LEFTOVERS_TIMEOUT_MS, async () => {
    try {
      return await launch(options);
    } catch (err) {
      // Backends of a killed postmaster notice its death and end by themselves.
      if ((await logTail(options.home)).includes('pre-existing shared memory block')) return undefined;
      throw err;
    }
  });
  return started ?? launch(options);
}

async function launch({ home, binaries, socketDir, durable, settings }: ServerOptions): Promise<Guardian> {
  const effective = {
    ...DEFAULTS,
    ...(durable ? {} : NOT_DURABLE),
    ...settings,
    listen_addresses: '',
    unix_socket_directories: socketDir,
    unix_socket_permissions: '0700',
    port: String(PORT),
  };
  const flags = Object.entries(effective).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [binaries.postgres, '-D', home.cluster, ...flags];
  const server = await guard(command, home, isTemporary(socketDir) ? socketDir : undefined);
  try {
    await awaitReady(home, server.serverPid, () => server.hasEnded());
    return server;
  } catch (err) {
    await server.stop();
    throw err;
  }
}

async function guard(command: readonly string[], home: DataHome, temporaryDir: string | undefined): Promise<Guardian> {
  try {
    // Opened for appending, so that emptying the file while the server runs does not leave a hole in it.
    await using log = await open(home.log, 'a', 0o600);
    await log.truncate(0);
    if (home.user.stepDown) await log.chown(home.user.uid, home.user.gid);
    return await startGuarded(command, { user: home.user, logFd: log.fd, temporaryDir });
  } catch (err) {
    const why = `The embedded PostgreSQL in ${path.resolve(home.dir)} could not be started: ${(err as Error).message}`;
    throw new EmbeddedPostgresError('start_failed', why, { cause: err });
  }
}
