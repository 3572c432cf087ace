import { rm } from 'node:fs/promises';
import { installSchemas } from '../../src/compose/install.ts';
import { type EmbeddedPostgres, startEmbedded } from '../../src/embedded/embedded-postgres.ts';
import { readPostmasterFile } from '../../src/embedded/postmaster-file.ts';
import { findProcess } from '../../src/embedded/process-table.ts';
import { withClient } from '../support/server.ts';
import { makeDatabaseDir } from '../support/temporary-dir.ts';
import { waitFor } from '../support/wait-for.ts';

/** Marks of this agent's delegations are slow, so that a sweep of them can be killed in its middle. */
export const SLOW_CALLEE = 'slow-to-mark';
const SLOW_SECONDS = 0.15;

/** The suite's own durable server, with both schemas, which can crash. */
export class ChaosServer implements AsyncDisposable {
  readonly #dataDir: string;
  #server: EmbeddedPostgres;

  private constructor(dataDir: string, server: EmbeddedPostgres) {
    this.#dataDir = dataDir;
    this.#server = server;
  }

  static async start(): Promise<ChaosServer> {
    const dataDir = await makeDatabaseDir();
    try {
      const server = await startEmbedded({ dataDir });
      const { url } = server;
      await installSchemas({ location: { url }, dbSchema: 'public', pgbossSchema: 'pgboss' });
      await withClient(url, async (client) => {
        await client.query(`
          CREATE FUNCTION chaos_slow() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN PERFORM pg_sleep(${SLOW_SECONDS}); RETURN NEW; END $$`);
        await client.query(`
          CREATE TRIGGER chaos_slow BEFORE UPDATE OF status ON delegations FOR EACH ROW
          WHEN (NEW.status = 'stuck' AND NEW.callee_id = '${SLOW_CALLEE}') EXECUTE FUNCTION chaos_slow()`);
      });
      return new ChaosServer(dataDir, server);
    } catch (err) {
      await rm(dataDir, { recursive: true, force: true });
      throw err;
    }
  }

  /** URL of the server itself, not through a proxy. */
  get url(): string {
    return this.#server.url;
  }

  get socket(): string {
    const url = new URL(this.url);
    return `${url.searchParams.get('host')}/.s.PGSQL.${url.port}`;
  }

  /** Immediate shutdown, like a crash: every connection breaks, nothing is written back. Resolves when it has ended. */
  async crash(): Promise<void> {
    const file = await readPostmasterFile(`${this.#server.dataDir}/pgdata`);
    if (!file) throw new Error('no server to crash');
    process.kill(file.pid, 'SIGQUIT');
    await waitFor('the server to be gone', async () => !(await findProcess(file.pid)), { timeoutMs: 60_000 });
    await this.#server.stop();
  }

  /** Includes crash recovery. */
  async restart(): Promise<void> {
    this.#server = await startEmbedded({ dataDir: this.#dataDir });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}
