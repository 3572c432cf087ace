import { chmod, chown, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { waitFor } from '../../test/support/wait-for.ts';
import type { Certificate } from './certificates.ts';
import { Background, run } from './command.ts';
import { freePort } from './free-port.ts';

/** Debian's folder of a major version's programs. */
export const DEBIAN_BIN = '/usr/lib/postgresql/15/bin';

export interface ServerOptions {
  /** The folder with postgres and initdb. */
  readonly bin?: string;
  /** With it the server accepts only TLS over TCP. */
  readonly certificate?: Certificate;
}

/**
 * A separate PostgreSQL: TCP with passwords on 127.0.0.1, and for the administrator a unix socket without authentication
 * that only root can reach. Runs as the user postgres.
 */
export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly dir: string;
  readonly #process: Background;
  readonly #owner: { uid: number; gid: number };

  private constructor(dir: string, port: number, owner: { uid: number; gid: number }, process: Background) {
    this.dir = dir;
    this.port = port;
    this.#owner = owner;
    this.#process = process;
  }

  static async start({ bin = DEBIAN_BIN, certificate }: ServerOptions): Promise<PostgresServer> {
    const owner = await userOf('postgres');
    const dir = await mkdtemp(path.join(tmpdir(), 'verify-deploy-postgres-'));
    const data = path.join(dir, 'data');
    await mkdir(data);
    for (const folder of [dir, data]) await chown(folder, owner.uid, owner.gid);
    const env = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' };
    await run(path.join(bin, 'initdb'), ['-D', data, '-U', 'admin', '-A', 'trust', '-N', '-E', 'UTF8'], {
      ...owner,
      env,
    });
    const type = certificate ? 'hostssl' : 'host';
    await writeFile(
      path.join(data, 'pg_hba.conf'),
      `local all all trust\n${type} all all 127.0.0.1/32 scram-sha-256\n`,
    );
    const port = await freePort();
    const settings = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: dir,
      fsync: 'off',
      ...(certificate && { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' }),
    };
    if (certificate) await installCertificate(data, certificate, owner);
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = new Background(path.join(bin, 'postgres'), ['-D', data, ...flags], { ...owner, env, cwd: dir });
    const server = new PostgresServer(dir, port, owner, child);
    await waitFor('PostgreSQL to take connections', () => server.#answers());
    return server;
  }

  /** As the administrator, over the unix socket; `user` and `database` as wished. */
  socketUrl({ user = 'admin', database = 'postgres' } = {}): string {
    return `postgresql://${encodeURIComponent(user)}@/${database}?host=${encodeURIComponent(this.dir)}&port=${this.port}`;
  }

  /** A session of the administrator, or of another role over the same socket, for one piece of work. */
  async session<T>(work: (client: pg.Client) => Promise<T>, who?: { user?: string; database?: string }): Promise<T> {
    const client = new pg.Client({ connectionString: this.socketUrl(who) });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  async query<T>(sql: string, params: unknown[] = [], database?: string): Promise<T[]> {
    return this.session(async (client) => (await client.query(sql, params)).rows as T[], database ? { database } : {});
  }

  /** Another certificate, for later connections. */
  async present(certificate: Certificate): Promise<void> {
    await installCertificate(path.join(this.dir, 'data'), certificate, this.#owner);
    await this.query('SELECT pg_reload_conf()');
  }

  async #answers(): Promise<boolean> {
    if (this.#process.ended) throw new Error(`PostgreSQL ended: ${this.#process.lines.slice(-5).join('\n')}`);
    return this.query('SELECT 1').then(
      () => true,
      () => false,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.signal('SIGINT'); // fast: sessions are ended
    await this.#process.exit;
    await rm(this.dir, { recursive: true, force: true });
  }
}

async function installCertificate(data: string, { cert, key }: Certificate, owner: { uid: number; gid: number }) {
  for (const [from, name] of [
    [cert, 'server.crt'],
    [key, 'server.key'],
  ] as const) {
    const file = path.join(data, name);
    await copyFile(from, file);
    await chown(file, owner.uid, owner.gid);
    await chmod(file, 0o600);
  }
}

export async function userOf(name: string): Promise<{ uid: number; gid: number }> {
  const [, , uid, gid] = (await run('getent', ['passwd', name])).split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
