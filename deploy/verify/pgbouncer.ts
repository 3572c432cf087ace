import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '../../test/support/wait-for.ts';
import { Background } from './command.ts';
import { freePort } from './free-port.ts';
import type { Installation } from './installation.ts';
import { pathOf } from './packages.ts';
import { userOf } from './postgres-server.ts';
import type { RoleName } from './roles.ts';

/** So few that transactions must share them: a client that relies on its session would fail. */
export const SERVER_CONNECTIONS_MAX = 2;

/** PgBouncer in transaction mode in front of the installation's server, TLS on both sides. */
export class PgBouncer implements AsyncDisposable {
  readonly port: number;
  readonly #dir: string;
  readonly #process: Background;

  private constructor(dir: string, port: number, process: Background) {
    this.#dir = dir;
    this.port = port;
    this.#process = process;
  }

  static async start(installation: Installation): Promise<PgBouncer> {
    const dir = await mkdtemp(path.join(tmpdir(), 'verify-deploy-pgbouncer-'));
    const port = await freePort();
    const { server, on, authority, certificate } = installation;
    const roles = ['sweeper', 'writer'] as const satisfies readonly RoleName[];
    const files = {
      'users.txt': roles.map((role) => `"${on.roles[role]}" "${installation.password(role)}"\n`).join(''),
      'ca.crt': await readFile(authority.cert, 'utf8'),
      'server.crt': await readFile(certificate.cert, 'utf8'),
      'server.key': await readFile(certificate.key, 'utf8'),
      'pgbouncer.ini': `[databases]
${on.database} = host=localhost port=${server.port} dbname=${on.database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = ${SERVER_CONNECTIONS_MAX}
auth_type = scram-sha-256
auth_file = ${dir}/users.txt
stats_users = ${on.roles.sweeper}
client_tls_sslmode = require
client_tls_cert_file = ${dir}/server.crt
client_tls_key_file = ${dir}/server.key
server_tls_sslmode = verify-full
server_tls_ca_file = ${dir}/ca.crt
`,
    };
    const owner = await userOf('postgres');
    for (const [name, content] of Object.entries(files)) {
      await writeFile(path.join(dir, name), content, { mode: 0o600 });
      await chown(path.join(dir, name), owner.uid, owner.gid);
    }
    await chown(dir, owner.uid, owner.gid);
    const child = new Background(await pathOf('pgbouncer'), [path.join(dir, 'pgbouncer.ini')], { ...owner, cwd: dir });
    const bouncer = new PgBouncer(dir, port, child);
    await waitFor('PgBouncer to listen', () => {
      if (child.ended) throw new Error(`PgBouncer ended: ${child.lines.slice(-5).join('\n')}`);
      return child.lines.some((line) => line.includes('process up'));
    });
    return bouncer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
