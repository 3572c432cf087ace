import { chown, mkdir, open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { installSchemas } from '../../src/compose/install.ts';
import { type Guardian, startGuarded } from '../../src/embedded/guardian.ts';
import { pickServerUser, runAs, type ServerUser } from '../../src/embedded/server-user.ts';
import { withClient } from '../support/server.ts';
import { clockEnvironment, writeClock } from '../support/settable-clock.ts';
import { makeDatabaseDir } from '../support/temporary-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { installMeters } from './meters.ts';
import { type ServerKind, type ServerPrograms, serverPrograms } from './server-programs.ts';
import { SmallDisk } from './small-disk.ts';

const TIMEOUT_MS = 120_000;
const PORT = 5432;

/** What only some machines can do: make a standby, fill a disk, set the server's clock. */
export type Ability = 'standby' | 'disk' | 'clock';

/**
 * The suite's own durable server, with both schemas: it can crash, fail over to a standby that lags, have no more room on
 * its disk, and have its clock set. At any time one of two clusters is the server; the other is made when it is needed.
 */
export class ChaosServer implements AsyncDisposable {
  readonly root: string;
  readonly #user: ServerUser;
  readonly #programs: ServerPrograms;
  readonly #disk: SmallDisk | undefined;
  readonly #stack = new AsyncDisposableStack();
  #clusters = { active: 'a', other: 'b' };
  #server: Guardian | undefined;

  private constructor(root: string, user: ServerUser, programs: ServerPrograms, disk: SmallDisk | undefined) {
    this.root = root;
    this.#user = user;
    this.#programs = programs;
    this.#disk = disk;
  }

  static async start(kind: ServerKind): Promise<ChaosServer> {
    await using stack = new AsyncDisposableStack();
    const user = await pickServerUser();
    const root = await makeDatabaseDir();
    stack.defer(() => rm(root, { recursive: true, force: true }));
    if (user.stepDown) await chown(root, user.uid, user.gid);
    const disk = await SmallDisk.mount(path.join(root, 'disk'), user);
    if (disk) stack.use(disk);
    else if (user.stepDown) await chown(path.join(root, 'disk'), user.uid, user.gid);
    const server = new ChaosServer(root, user, await serverPrograms(kind, user), disk);
    stack.defer(async () => server.#server?.stop());
    await server.#create();
    server.#stack.use(stack.move());
    return server;
  }

  can(ability: Ability): boolean {
    if (ability === 'standby') return this.#programs.pgBasebackup !== undefined;
    return ability === 'disk' ? this.#disk !== undefined : clockEnvironment(this.#clockFile) !== undefined;
  }

  /** Where its mounted disk is, if any. */
  get mountedDir(): string | undefined {
    return this.#disk?.dir;
  }

  /** URL of the server itself, not through a proxy. */
  get url(): string {
    return this.#urlOf(this.#clusters.active);
  }

  get socket(): string {
    return `${this.#dirOf(this.#clusters.active)}/.s.PGSQL.${PORT}`;
  }

  /** Immediate shutdown, like a crash: every connection breaks, nothing is written back. Resolves when it has ended. */
  async crash(): Promise<void> {
    const server = this.#server!;
    if (!server.hasEnded()) process.kill(server.serverPid, 'SIGQUIT');
    await waitFor('the server to be gone', () => server.hasEnded(), { timeoutMs: TIMEOUT_MS });
    await server.stop();
  }

  /** Includes crash recovery. */
  async restart(): Promise<void> {
    this.#server = await this.#run(this.#clusters.active);
  }

  /** Nothing more fits on its disk than this; `free` ends it, and starts the server again if it went down. */
  async fillDisk(leftBytes: number): Promise<void> {
    await this.#disk!.fill(leftBytes);
  }

  async freeDisk(): Promise<void> {
    await this.#disk!.empty();
    if (this.#server!.hasEnded()) await this.restart();
    // It may be recovering by itself.
    await this.#accepts(this.#clusters.active, () => this.#server!.hasEnded());
  }

  /** Its clock is ahead of the machine's by this from now on; negative: behind it. */
  async setClock(offsetMs: number): Promise<void> {
    await writeClock(this.#clockFile, offsetMs);
  }

  /** A standby of it, by pg_basebackup, that has everything so far and gets nothing more. */
  async makeLaggingStandby(): Promise<LaggingStandby> {
    const { active, other } = this.#clusters;
    const data = path.join(this.#dirOf(other), 'data');
    await rm(this.#dirOf(other), { recursive: true, force: true });
    await this.#makeDir(other);
    const from = ['-h', this.#dirOf(active), '-p', String(PORT), '-U', 'postgres'];
    const options = ['-D', data, '-X', 'stream', '-c', 'fast', '-R', '--no-sync'];
    await runAs(this.#user, this.#programs.pgBasebackup!, [...from, ...options], TIMEOUT_MS);
    const standby = await this.#run(other);
    const ask = <Row>(url: string, sql: string) =>
      withClient(url, async (client) => (await client.query(sql)).rows as Row[]);
    const [{ lsn }] = (await ask<{ lsn: string }>(this.url, 'SELECT pg_current_wal_lsn() AS lsn')) as [{ lsn: string }];
    await waitFor(
      'the standby to have caught up',
      async () =>
        (await ask<{ done: boolean }>(this.#urlOf(other), `SELECT pg_last_wal_replay_lsn() >= '${lsn}' AS done`))[0]!
          .done,
      { timeoutMs: TIMEOUT_MS },
    );
    await ask(this.#urlOf(other), `ALTER SYSTEM SET primary_conninfo = ''`);
    await ask(this.#urlOf(other), 'SELECT pg_reload_conf()');
    return {
      takeOver: async () => {
        await this.crash();
        this.#clusters = { active: other, other: active };
        this.#server = standby;
        await ask(this.url, 'SELECT pg_promote()');
        await this.#accepts(other, () => standby.hasEnded());
      },
      [Symbol.asyncDispose]: async () => {
        if (this.#server !== standby) await standby.stop();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  get #clockFile(): string {
    return path.join(this.root, 'clock');
  }

  #dirOf(cluster: string): string {
    return path.join(this.root, 'disk', cluster);
  }

  #urlOf(cluster: string): string {
    return `postgresql://postgres@localhost:${PORT}/postgres?host=${encodeURIComponent(this.#dirOf(cluster))}`;
  }

  async #makeDir(cluster: string): Promise<void> {
    await mkdir(this.#dirOf(cluster), { mode: 0o700 });
    if (this.#user.stepDown) await chown(this.#dirOf(cluster), this.#user.uid, this.#user.gid);
  }

  async #create(): Promise<void> {
    await this.setClock(0);
    await this.#makeDir(this.#clusters.active);
    const data = path.join(this.#dirOf(this.#clusters.active), 'data');
    const cluster = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
    await runAs(this.#user, this.#programs.initdb, cluster, TIMEOUT_MS);
    await this.restart();
    await installSchemas({ location: { url: this.url }, dbSchema: 'public', pgbossSchema: 'pgboss' });
    await withClient(this.url, installMeters);
  }

  async #run(cluster: string): Promise<Guardian> {
    const dir = this.#dirOf(cluster);
    const settings = ['listen_addresses=', `unix_socket_directories=${dir}`, `port=${PORT}`, 'max_connections=200'];
    const environment = Object.entries(clockEnvironment(this.#clockFile) ?? {}).map(
      ([name, value]) => `${name}=${value}`,
    );
    const flags = settings.flatMap((setting) => ['-c', setting]);
    const command = ['/usr/bin/env', ...environment, this.#programs.postgres, '-D', path.join(dir, 'data'), ...flags];
    const logFile = path.join(this.root, `${cluster}.log`);
    await using log = await open(logFile, 'a', 0o600);
    if (this.#user.stepDown) await log.chown(this.#user.uid, this.#user.gid);
    const server = await startGuarded(command, { user: this.#user, logFd: log.fd, temporaryDir: undefined });
    const hasEnded = () => server.hasEnded();
    await this.#accepts(cluster, hasEnded).catch(async (err: unknown) => {
      await server.stop();
      const tail = (await readFile(logFile, 'utf8')).split('\n').slice(-20).join('\n');
      throw new Error(`the server did not start: ${tail}`, { cause: err });
    });
    return server;
  }

  async #accepts(cluster: string, hasEnded: () => boolean): Promise<void> {
    const accepts = () => withClient(this.#urlOf(cluster), async () => true).catch(() => false);
    await waitFor('the server to take connections', async () => hasEnded() || (await accepts()), {
      timeoutMs: TIMEOUT_MS,
    });
    if (hasEnded()) throw new Error('the server has ended');
  }
}

export interface LaggingStandby extends AsyncDisposable {
  /** The server crashes, and this one is promoted and is the server from then on. */
  takeOver(): Promise<void>;
}
