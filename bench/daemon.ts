import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));
/** Of this process alone: another run of the benchmark may build at the same time. */
const BUILD = root(`node_modules/.cache/bench-${process.pid}`);
process.on('exit', () => rmSync(BUILD, { recursive: true, force: true }));
const PAGE_KB = 4;

/** What the image has, in the benchmark's own folder. */
async function build(): Promise<void> {
  await mkdir(BUILD, { recursive: true });
  await copyFile(root('package.json'), `${BUILD}/package.json`);
  await promisify(execFile)(process.execPath, [root('deploy/package/build.ts'), `${BUILD}/dist`, '--standalone']);
}

/** As deploy/Dockerfile starts it. */
async function nodeFlags(): Promise<string[]> {
  const entry = /^ENTRYPOINT (\[.*\])$/m.exec(await readFile(root('deploy/Dockerfile'), 'utf8'));
  const words = entry ? (JSON.parse(entry[1]!) as string[]) : [];
  return words.filter((word) => word.startsWith('--'));
}

let built: Promise<string[]> | undefined;

/** The daemon as it is deployed: compiled, in its own process, on the benchmark's server. */
export class Daemon implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #startedAtMs = performance.now();
  /** From the process's start to its first sweep's end, in milliseconds. */
  readonly swept: Promise<number>;

  #onSweep: ((durationMs: number) => void)[] = [];
  readonly #ledgersSwept = new Set<string>();
  #isEnding = false;
  /** Sweeps that the storm guard held. */
  held = 0;
  /** Why it ended by itself; null: it has not. */
  failure: string | null = null;

  static async start(url: string, env: Readonly<Record<string, string>> = {}): Promise<Daemon> {
    built ??= build().then(nodeFlags);
    return new Daemon(url, await built, env);
  }

  private constructor(url: string, flags: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [...flags, `${BUILD}/dist/main.js`, 'start'], {
      env: { PATH: process.env.PATH, DATABASE_URL: url, OPS_PORT: '0', NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: this.#child.stdout! });
    this.swept = new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        if (line.includes('"event":"sweep.held"')) this.held += 1;
        if (!line.includes('"event":"sweep.completed"')) return;
        resolve(performance.now() - this.#startedAtMs);
        const { durationMs, ledger } = JSON.parse(line) as { durationMs: number; ledger?: string };
        if (ledger !== undefined) this.#ledgersSwept.add(ledger);
        for (const heard of this.#onSweep.splice(0)) heard(durationMs);
      });
      this.#child.once('exit', (code) => {
        if (!this.#isEnding) this.failure = `the daemon ended with ${code}`;
        reject(new Error(`the daemon ended with ${code}`));
      });
    });
    this.swept.catch(() => {});
  }

  get residentMb(): number {
    return (Number(readFileSync(`/proc/${this.#child.pid}/statm`, 'latin1').split(' ')[1]) * PAGE_KB) / 1024;
  }

  /** The peak of resident memory. */
  get peakMb(): number {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'latin1'))![1]) / 1024;
  }

  /** Until so many of the ledgers of DB_SCHEMAS have been swept. */
  async sweptLedgers(count: number): Promise<void> {
    while (this.#ledgersSwept.size < count) await this.nextSweep();
  }

  /** Duration of the next sweep to end, in milliseconds. */
  nextSweep(): Promise<number> {
    return new Promise((heard) => this.#onSweep.push(heard));
  }

  /** CPU since its start, in milliseconds. */
  get cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  /** Ends it as a crash of its host would. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#isEnding = true;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }
}
