import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import pg from 'pg';
import { Load } from '../load.ts';
import type { BenchServer } from '../server.ts';

const run = promisify(execFile);

/** A server that has one core to itself, with a ledger that its own session works on: nobody else needs a core then. */
export class PinnedServer implements AsyncDisposable {
  readonly load: Load;
  readonly #postmaster: number;
  readonly #client: pg.Client;

  private constructor(postmaster: number, client: pg.Client) {
    this.#postmaster = postmaster;
    this.#client = client;
    this.load = new Load(postmaster);
  }

  /** `database`: one with a ledger in `public`. */
  static async pin(server: BenchServer, database: string, core: number): Promise<PinnedServer> {
    const postmaster = await server.postmasterPid();
    await setCores(postmaster, String(core));
    const client = new pg.Client({ connectionString: database });
    await client.connect();
    await client.query('SET synchronous_commit = off');
    return new PinnedServer(postmaster, client);
  }

  async empty(): Promise<void> {
    await this.#client.query('TRUNCATE delegations, activity_logs CASCADE');
  }

  /** Whole lives, each step a transaction of its own. */
  async live(lives: number): Promise<void> {
    await this.#client.query(`
      DO $$
      DECLARE
        id text;
        ended text;
      BEGIN
        FOR i IN 1..${lives} LOOP
          id := gen_random_uuid()::text;
          PERFORM delegation_insert(id, 'caller', 'callee', repeat('x', 160));
          COMMIT;
          PERFORM delegation_set_status(id, 'in_progress');
          COMMIT;
          SELECT s.outcome INTO ended FROM delegation_set_status(id, 'completed', result_preview => 'done') s;
          COMMIT;
          IF ended <> 'changed' THEN RAISE EXCEPTION 'a life was %', ended; END IF;
        END LOOP;
      END $$`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
    await setCores(this.#postmaster, `0-${availableParallelism() - 1}`);
  }
}

/** Keeps a core busy meanwhile with what touches neither memory nor disk, as another machine's work would. */
export async function besideBusyCore<T>(core: number, work: () => Promise<T>): Promise<T> {
  const busy = spawn('taskset', ['-c', String(core), process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' });
  try {
    await once(busy, 'spawn');
    return await work();
  } finally {
    const ended = once(busy, 'exit');
    busy.kill('SIGKILL');
    await ended;
  }
}

/** The postmaster, and what it has started: later children inherit it. */
async function setCores(postmaster: number, cores: string): Promise<void> {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isChildOf(name, postmaster));
  for (const pid of [String(postmaster), ...children])
    await run('taskset', ['-a', '-c', '-p', cores, pid]).catch(ignoreEnded(pid, postmaster));
}

function isChildOf(pid: string, parent: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1').includes(`\nPPid:\t${parent}\n`);
  } catch {
    return false;
  }
}

/** A background process may have ended meanwhile; the postmaster has not. */
function ignoreEnded(pid: string, postmaster: number) {
  return (err: unknown) => {
    if (pid === String(postmaster)) throw err;
  };
}
