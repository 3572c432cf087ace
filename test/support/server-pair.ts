import { execFileSync } from 'node:child_process';
import { rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { findBinaries } from '../../src/embedded/binaries.ts';
import { startEmbedded } from '../../src/embedded/embedded-postgres.ts';
import { pickServerUser } from '../../src/embedded/server-user.ts';
import { copyCluster } from './cluster-seeds.ts';
import { type GuardedServer, startGuardedServer } from './guarded-server.ts';
import { seedEmbedded } from './own-server.ts';
import { prepareTemplate } from './template.ts';
import { makeDatabaseDir } from './temporary-dir.ts';
import { waitFor } from './wait-for.ts';

/**
 * Two servers with the same data: a primary, and a hot standby that was copied from it and receives nothing more. To a
 * client they are the two ends of a failover; what streaming would transfer, a test writes to both.
 */
export class ServerPair implements AsyncDisposable {
  readonly #undo: AsyncDisposableStack;
  readonly primary: GuardedServer;
  readonly standby: GuardedServer;

  private constructor(primary: GuardedServer, standby: GuardedServer, undo: AsyncDisposableStack) {
    this.primary = primary;
    this.standby = standby;
    this.#undo = undo;
  }

  /** Of copies of the seed's cluster. */
  static async start(seed: ClusterSeed): Promise<ServerPair> {
    await using undo = new AsyncDisposableStack();
    const [primaryDir, standbyDir] = [await makeDatabaseDir(), await makeDatabaseDir()];
    for (const dir of [primaryDir, standbyDir]) undo.defer(() => rm(dir, { recursive: true, force: true }));
    const primary = await startCopy(seed.cluster, primaryDir, undo);
    const standby = await startCopy(seed.cluster, standbyDir, undo, { asStandby: true });
    return new ServerPair(primary, standby, undo.move());
  }

  /** In the order given, as `?host=a,b`: unix sockets, without the options that `query` adds. */
  urlOf(servers: readonly ('primary' | 'standby')[], query = ''): string {
    const hosts = servers.map((server) => new URL(this[server].url).searchParams.get('host')).join(',');
    return `postgresql://postgres@/postgres?host=${hosts}${query}`;
  }

  async query<T>(server: 'primary' | 'standby', sql: string, params: unknown[] = []): Promise<T[]> {
    const client = new pg.Client({ connectionString: this[server].url });
    await client.connect();
    try {
      return (await client.query(sql, params)).rows as T[];
    } finally {
      await client.end();
    }
  }

  async promote(): Promise<void> {
    await this.query('standby', 'SELECT pg_promote()');
  }

  /** Its sessions stay, but may no longer write: as for a pooler's clients at a demotion. */
  async demotePrimary(): Promise<void> {
    await this.query('primary', 'ALTER SYSTEM SET default_transaction_read_only = on');
    await this.query('primary', 'SELECT pg_reload_conf()');
    await waitFor('the setting to be in force', async () => {
      const [row] = await this.query<{ on: string }>(
        'primary',
        `SELECT current_setting('transaction_read_only') AS "on"`,
      );
      return row!.on === 'on';
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync();
  }
}

/** A cluster with both schemas, shut down. */
export interface ClusterSeed extends AsyncDisposable {
  readonly cluster: string;
}

/** `seed` runs on it once. */
export async function makeClusterSeed(seed: (url: string) => Promise<unknown>): Promise<ClusterSeed> {
  const dataDir = await makeDatabaseDir();
  await copyCluster('embedded', dataDir, seedEmbedded);
  const server = await startEmbedded({ dataDir, durable: false });
  await prepareTemplate(server.url);
  await seed(server.url);
  await server.stop();
  return {
    cluster: path.join(server.dataDir, 'pgdata'),
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
}

/** Not like the embedded server's start, which waits until writes are accepted. */
async function startCopy(
  cluster: string,
  dir: string,
  undo: AsyncDisposableStack,
  { asStandby = false } = {},
): Promise<GuardedServer> {
  const data = path.join(dir, 'pgdata');
  execFileSync('cp', ['-a', cluster, data]);
  const { uid, gid } = await stat(cluster);
  if (asStandby) await writeFile(path.join(data, 'standby.signal'), '');
  execFileSync('chown', ['-R', `${uid}:${gid}`, dir]);
  const user = await pickServerUser({ uid, gid });
  const { postgres } = await findBinaries(user);
  return startGuardedServer({ postgres, dir, user, settings: ['fsync=off'] }, undo);
}
