import path from 'node:path';
import { type Binaries, findBinaries } from './binaries.ts';
import { ensureCluster } from './cluster.ts';
import { type DataHome, makeDataDir, openDataHome, unusable } from './data-home.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { readOwner, removeOwner, writeOwner } from './owner.ts';
import { disownStaleFile, findServer, type PostmasterFile } from './postmaster-file.ts';
import { isAlive } from './process-table.ts';
import { startServer } from './server.ts';
import { becomesReady, stopServer } from './server-state.ts';
import { makeSocketDir, removeSocketDir, socketUrl } from './socket-dir.ts';
import { lockStart } from './start-lock.ts';

export { EmbeddedPostgresError } from './embedded-postgres-error.ts';

export interface EmbeddedPostgres extends AsyncDisposable {
  /** A postgresql URL of its superuser and maintenance database, over a unix socket. */
  readonly url: string;
  /** Where the data really are: DATA_DIR, or the folder that its link `moved-to` names. */
  readonly dataDir: string;
  /** False: another process (or an earlier call) runs this server, and it ends with that. */
  readonly startedHere: boolean;
  /** Fast shutdown; idempotent, bounded. A joined server is left alone. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Created when missing. */
  readonly dataDir: string;
  /** False gives up every guarantee after a crash, for speed: for tests. Default true. */
  readonly durable?: boolean;
  /** What to do when a living process already runs a server on these data. Default `join`. */
  readonly ifRunning?: 'join' | 'refuse';
  /** PostgreSQL settings that go before the defaults here. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** As long as the longest start of another process: initdb and recovery. */
const LOCK_TIMEOUT_MS = 300_000;

/**
 * Starts PostgreSQL on `dataDir`, and creates the cluster if there is none. The server ends with this process, however
 * that ends; the data stay. Throws EmbeddedPostgresError.
 */
export async function startEmbedded(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = await makeDataDir(path.resolve(options.dataDir));
  await using lock = await lockStart(dataDir, LOCK_TIMEOUT_MS);
  if (!lock) {
    throw new EmbeddedPostgresError(
      'start_failed',
      `Another process has been starting a server in ${dataDir} for a long time.`,
    );
  }
  return await startLocked(dataDir, options).catch((err: unknown) => {
    throw err instanceof EmbeddedPostgresError ? err : unusable(dataDir, err);
  });
}

async function startLocked(dataDir: string, options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const home = await openDataHome(dataDir);
  const running = await joinOrClear(home, dataDir, options.ifRunning ?? 'join');
  if (running) return running;
  const binaries = await findBinaries(home.user);
  await ensureCluster(home, binaries, options.durable ?? true);
  return start(home, binaries, options);
}

/** A handle on the server of a living owner; otherwise ensures that none runs. */
async function joinOrClear(
  home: DataHome,
  dataDir: string,
  ifRunning: 'join' | 'refuse',
): Promise<EmbeddedPostgres | undefined> {
  const server = await findServer(home.cluster);
  const owner = await readOwner(home.owner);
  // A server without an owner file was started by hand: treat its owner as alive.
  const isOwned = !owner || (await isAlive(owner));
  if (server && isOwned && server.status !== 'stopping') {
    if (ifRunning === 'refuse') {
      throw new EmbeddedPostgresError(
        'already_running',
        `DATA_DIR ${dataDir} is in use: process ${owner?.pid ?? server.pid} runs PostgreSQL on it (pid ${server.pid}).\nWhat to do: set another DATA_DIR, or DATABASE_URL to join its database.`,
      );
    }
    if (await becomesReady(home, server)) return joined(home, server);
  }
  if (server) await stopServer(home, server);
  if (owner) await removeSocketDir(owner.socketDir);
  await disownStaleFile(home.cluster);
  return undefined;
}

function joined(home: DataHome, { socketDir }: PostmasterFile): EmbeddedPostgres {
  const stop = async () => undefined;
  return { url: socketUrl(socketDir), dataDir: home.dir, startedHere: false, stop, [Symbol.asyncDispose]: stop };
}

async function start(
  home: DataHome,
  binaries: Binaries,
  { durable = true, settings = {} }: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const socketDir = await makeSocketDir(home);
  await writeOwner(home.owner, socketDir);
  const server = await startServer({ home, binaries, socketDir, durable, settings }).catch(async (err: unknown) => {
    await removeOwner(home.owner);
    await removeSocketDir(socketDir);
    throw err;
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= server.stop().then(() => removeSocketDir(socketDir));
    return stopped;
  };
  return { url: socketUrl(socketDir), dataDir: home.dir, startedHere: true, stop, [Symbol.asyncDispose]: stop };
}
