import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Authority, type Certificate, makeAuthority, makeCertificate } from './certificates.ts';
import { runToEnd, SECRET_FOLDER } from './container.ts';
import type { ImageStore } from './image-build.ts';
import { MountedSecret } from './mounted-secret.ts';
import { PostgresServer } from './postgres-server.ts';
import { applyRoles, defaults, type RoledDatabase, type RoleName } from './roles.ts';

const DATABASE = 'production';

/** A PostgreSQL that accepts only TLS, with the roles and the schemas, as an operator would have it. */
export class Installation implements AsyncDisposable {
  readonly server: PostgresServer;
  readonly on: RoledDatabase = { ...defaults, database: DATABASE };
  readonly authority: Authority;
  readonly certificate: Certificate;
  readonly #store: ImageStore;
  readonly #passwords = new Map<RoleName, string>();

  private constructor(store: ImageStore, server: PostgresServer, authority: Authority, certificate: Certificate) {
    this.#store = store;
    this.server = server;
    this.authority = authority;
    this.certificate = certificate;
  }

  static async make(store: ImageStore): Promise<Installation> {
    const authority = await makeAuthority(store.dir, 'authority');
    const certificate = await makeCertificate(authority, 'server', 'DNS:localhost');
    const server = await PostgresServer.start({ certificate });
    await server.query(`CREATE DATABASE ${DATABASE}`);
    const installation = new Installation(store, server, authority, certificate);
    await applyRoles(server, installation.on);
    for (const role of ['migrator', 'sweeper', 'writer'] as const) await installation.setPassword(role);
    return installation;
  }

  /** A new password for the role; its open sessions go on. */
  async setPassword(role: RoleName): Promise<void> {
    const password = randomBytes(12).toString('base64');
    await this.server.query(`ALTER ROLE ${this.on.roles[role]} PASSWORD '${password}'`);
    this.#passwords.set(role, password);
  }

  password(role: RoleName): string {
    return this.#passwords.get(role)!;
  }

  /** The URL in the mounted secret. `query` replaces the parameters that ask for TLS. */
  url(
    role: RoleName,
    { port = this.server.port, query = `sslmode=verify-full&sslrootcert=${SECRET_FOLDER}/ca.crt` } = {},
  ): string {
    const password = encodeURIComponent(this.password(role));
    return `postgresql://${this.on.roles[role]}:${password}@localhost:${port}/${DATABASE}${query && `?${query}`}`;
  }

  async files(url: string): Promise<Record<string, string>> {
    return { url: `${url}\n`, 'ca.crt': await readFile(this.authority.cert, 'utf8') };
  }

  /** The migration Job, then roles.sql again. */
  async migrate(): Promise<string> {
    await using secret = await MountedSecret.make(await this.files(this.url('migrator')));
    const { code, output } = await runToEnd(this.#store, { secret: secret.dir, args: ['migrate', 'up'] });
    if (code !== 0) throw new Error(`migrate up exited ${code}: ${output}`);
    await applyRoles(this.server, this.on);
    return output;
  }

  async query<T>(sql: string, params: unknown[] = []): Promise<T[]> {
    return this.server.query<T>(sql, params, DATABASE);
  }

  async count(sql: string): Promise<number> {
    const [row] = await this.query<{ count: string }>(`SELECT count(*) FROM ${sql}`);
    return Number(row!.count);
  }

  /** Delegations that are all past their deadline, or in progress and silent, for `ageSeconds`. */
  async seed(prefix: string, rows: number, rule: 'overdue' | 'stale', ageSeconds = 3600): Promise<void> {
    const age = `now() - ${ageSeconds} * interval '1 second'`;
    const [status, heartbeat, deadline] =
      rule === 'overdue' ? ['queued', 'NULL', age] : ['in_progress', age, `now() + interval '1 hour'`];
    await this.query(
      `WITH rows AS (
         INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, deadline)
         SELECT $1 || i, 'caller', 'callee-' || i % 7, 'task', '${status}', ${heartbeat}, ${deadline}
         FROM generate_series(1, $2::int) i RETURNING delegation_id, status)
       INSERT INTO activity_logs (delegation_id, event, to_status, actor)
       SELECT delegation_id, 'delegation.' || status, status, 'seed' FROM rows`,
      [prefix, rows],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
