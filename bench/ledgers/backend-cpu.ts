import { readFileSync } from 'node:fs';
import pg from 'pg';

const TICK_MS = 10;
const SAMPLE_EVERY_MS = 500;

/** CPU of the server's processes that work for a database, sampled: a session that ends has counted what it had by then. */
export class BackendCpu implements AsyncDisposable {
  readonly #client: pg.Client;
  /** By process: its database, and its CPU when it was first and last seen. */
  readonly #seen = new Map<string, { readonly database: string; readonly firstMs: number; lastMs: number }>();
  #isFirst = true;
  #timer: NodeJS.Timeout | undefined;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async start(url: string): Promise<BackendCpu> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const cpu = new BackendCpu(client);
    await cpu.#sample();
    cpu.#timer = setInterval(() => void cpu.#sample(), SAMPLE_EVERY_MS);
    return cpu;
  }

  /** Since the start, in milliseconds. */
  async of(database: string): Promise<number> {
    await this.#sample();
    const processes = [...this.#seen.values()].filter((process) => process.database === database);
    return processes.reduce((sum, { firstMs, lastMs }) => sum + lastMs - firstMs, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#client.end();
  }

  async #sample(): Promise<void> {
    const { rows } = await this.#client.query<{ pid: number; began: string; database: string }>(
      'SELECT pid, backend_start::text AS began, datname AS database FROM pg_stat_activity WHERE datname IS NOT NULL',
    );
    for (const { pid, began, database } of rows) {
      const nowMs = cpuMsOf(pid);
      if (nowMs === null) continue;
      const key = `${pid} ${began}`;
      const seen = this.#seen.get(key);
      // One that began later has counted from nothing.
      if (seen === undefined) this.#seen.set(key, { database, firstMs: this.#isFirst ? nowMs : 0, lastMs: nowMs });
      else seen.lastMs = nowMs;
    }
    this.#isFirst = false;
  }
}

function cpuMsOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return null;
  }
}
