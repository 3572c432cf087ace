import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface CommandOptions {
  readonly cwd?: string;
  /** The whole environment; this process's when it is left out. */
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface CommandResult {
  /** -1: ended by a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Never throws for its exit code; throws when it cannot be started. */
export async function attempt(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { input = '', ...rest } = options;
  const child = spawn(program, args, { ...rest, stdio: 'pipe' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => {}); // a program that does not read its input
  child.stdin.end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? -1));
  });
  return { code, stdout, stderr };
}

/** The same for a program that must succeed. Returns its standard output; the error has the end of its output. */
export async function run(program: string, args: readonly string[], options?: CommandOptions): Promise<string> {
  const { code, stdout, stderr } = await attempt(program, args, options);
  if (code !== 0) {
    throw new Error(`${program} ${args.slice(0, 4).join(' ')} ... exited ${code}: ${tail(stderr || stdout)}`);
  }
  return stdout;
}

const TAIL_CHARACTERS = 1500;

export function tail(text: string): string {
  return text.trim().slice(-TAIL_CHARACTERS);
}

const STOP_WITHIN_MS = 20_000;

/** A program that runs until it is stopped. Its output is kept, line by line. */
export class Background implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly exit: Promise<number>;
  readonly #child: ChildProcess;
  #ended = false;

  constructor(program: string, args: readonly string[], options: Omit<CommandOptions, 'input'> = {}) {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
    this.exit = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        this.#ended = true;
        resolve(code ?? -1);
      });
    });
    this.exit.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  signal(name: NodeJS.Signals): void {
    if (!this.#ended) this.#child.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGTERM');
    const impatience = setTimeout(() => this.signal('SIGKILL'), STOP_WITHIN_MS);
    await this.exit.catch(() => {});
    clearTimeout(impatience);
  }
}
