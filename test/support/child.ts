import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { builtProgram } from './built-program.ts';
import { waitFor } from './wait-for.ts';

/** As `npm start` has it. Without it each of some hundred programs spends half its CPU time on reading the same sources. */
const compileCache = path.resolve(import.meta.dirname, '../../node_modules/.cache/compile');

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Record<string, string | undefined>;
  readonly cwd?: string;
  /** The program; default: this Node. */
  readonly command?: string;
  /** In its own process group, which kill() and disposal then signal as a whole. */
  readonly detached?: boolean;
}

/**
 * A separate Node process: `args` as for `node`, a script first or `--input-type=module -e ...`. A script that the run has
 * built runs in its built form.
 */
export function spawnNode(args: readonly string[], options: ChildOptions = {}): TestChild {
  return new TestChild(args, options);
}

export class TestChild implements AsyncDisposable {
  readonly stdoutLines: string[] = [];
  readonly stderrLines: string[] = [];
  /** Settles when the process has ended and its output has been read. */
  readonly exit: Promise<ChildExit>;
  readonly #child: ChildProcess;
  readonly #detached: boolean;
  #ended = false;

  constructor(args: readonly string[], { env = {}, cwd, command = process.execPath, detached = false }: ChildOptions) {
    this.#detached = detached;
    // Without Jest's own flags for Node.
    const built = args.map((arg) => builtProgram(arg));
    const NODE_COMPILE_CACHE = built.find((program) => program !== undefined)?.compileCache ?? compileCache;
    const inherited = { ...process.env, NODE_OPTIONS: undefined, NODE_COMPILE_CACHE };
    const given = args.map((arg, index) => built[index]?.file ?? arg);
    this.#child = spawn(command, given, {
      env: { ...inherited, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached,
      ...(cwd !== undefined && { cwd }),
    });
    // A process that has just ended reads no more.
    this.#child.stdin!.on('error', () => undefined);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.stdoutLines.push(line));
    createInterface({ input: this.#child.stderr! }).on('line', (line) => this.stderrLines.push(line));
    this.exit = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        this.#ended = true;
        resolve({ code, signal });
      });
    });
    // An awaiting caller gets the error; without one it must not be an unhandled rejection.
    this.exit.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The first line of standard output that satisfies; fails at once when the process ends without it. */
  async waitForLine(predicate: (line: string) => boolean, options?: { timeoutMs?: number }): Promise<string> {
    const found = () => this.stdoutLines.find(predicate);
    await waitFor(`a line of process ${this.pid}`, () => this.#ended || found() !== undefined, options);
    const line = found();
    if (line === undefined) throw new Error(`the process ended without the line. ${this.#output()}`);
    return line;
  }

  /** A line on its standard input; nothing when it has ended. */
  say(line: string): void {
    if (!this.#ended) this.#child.stdin?.write(`${line}\n`);
  }

  /** Signals the process, or its whole group when it has its own. */
  kill(signal: NodeJS.Signals): void {
    if (this.#ended || this.pid === 0) return;
    try {
      process.kill(this.#detached ? -this.pid : this.pid, signal);
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ESRCH') throw err;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.exit.catch(() => undefined);
  }

  #output(): string {
    return `stdout:\n${this.stdoutLines.join('\n')}\nstderr:\n${this.stderrLines.join('\n')}`;
  }
}
