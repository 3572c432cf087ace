import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbedded } from '../src/embedded/embedded-postgres.ts';
import { parentOf } from './load.ts';

/**
 * A small production server: a gigabyte of cache, durable commits, autovacuum with its defaults. Checkpoints
 * are rare enough that none falls into the turn of one but not of another.
 */
export const settings = {
  shared_buffers: '2GB',
  max_connections: '60',
  max_wal_size: '24GB',
  checkpoint_timeout: '1h',
  wal_compression: 'off',
  maintenance_work_mem: '512MB',
  work_mem: '64MB',
  random_page_cost: '1.1',
  effective_cache_size: '8GB',
} as const;

/** The benchmark's own server, in a folder that is removed with it. */
export class BenchServer implements AsyncDisposable {
  readonly url: string;
  readonly #server: EmbeddedPostgres;
  readonly #dir: string;

  private constructor(server: EmbeddedPostgres, dir: string) {
    this.#server = server;
    this.#dir = dir;
    this.url = server.url;
  }

  static async start(): Promise<BenchServer> {
    const dir = await mkdtemp(path.join(tmpdir(), 'delegation-sweeper-bench-'));
    try {
      return new BenchServer(await startEmbedded({ dataDir: dir, settings }), dir);
    } catch (err) {
      await rm(dir, { recursive: true, force: true });
      throw err;
    }
  }

  urlOf(database: string): string {
    const url = new URL(this.url);
    url.pathname = `/${database}`;
    return url.href;
  }

  async command(...statements: readonly string[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  async withoutPageImages(work: () => Promise<void>): Promise<void> {
    await this.command('ALTER SYSTEM SET full_page_writes = off', 'SELECT pg_reload_conf()');
    try {
      await work();
    } finally {
      await this.command('ALTER SYSTEM RESET full_page_writes', 'SELECT pg_reload_conf()');
    }
  }

  /** Everything it has logged since its start. */
  readLog(): Promise<string> {
    return readFile(path.join(this.#server.dataDir, 'server.log'), 'utf8');
  }

  async postmasterPid(): Promise<number> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      return parentOf(rows[0]!.pid);
    } finally {
      await client.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
