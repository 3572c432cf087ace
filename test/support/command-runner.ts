import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** A line of input of command-process.ts. */
export interface Command {
  readonly args: readonly string[];
  /** All of it: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Printed behind what the command prints, on both streams, and the exit code behind it. */
  readonly mark: string;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where the test environment puts what all test files of one worker share. */
export const COMMAND_RUNNER = Symbol.for('delegation-sweeper.command-runner');

export type WithCommandRunner = typeof globalThis & { [COMMAND_RUNNER]?: CommandRunner };

/**
 * A process that has loaded the program, and runs its commands one at a time: to load it takes ten times the CPU time of
 * most commands. The first one starts it, and it ends with this process.
 */
export class CommandRunner {
  #child: ChildProcessWithoutNullStreams | undefined;
  #isBusy = false;

  /** Undefined while another command runs. `script`: command-process.ts, as it was built. */
  async run(script: string, { args, env }: Omit<Command, 'mark'>): Promise<CommandResult | undefined> {
    if (this.#isBusy) return undefined;
    this.#isBusy = true;
    // What a command alone is given does not outlive it.
    const shared = Object.entries(env).filter(
      ([name, value]) => process.env[name] === value || name.startsWith('NODE_'),
    );
    this.#child ??= spawn(process.execPath, [script], { env: Object.fromEntries(shared) });
    const child = this.#child;
    const mark = `\0${randomUUID()} `;
    const printed = Promise.all([child.stdout, child.stderr].map((stream) => readUntil(stream, mark)));
    // A command holds this process while it runs, and the runner does not while it waits for the next one.
    const handles = [child, child.stdin, child.stdout, child.stderr] as unknown as NodeJS.RefCounted[];
    for (const handle of handles) handle.ref();
    child.stdin.write(`${JSON.stringify({ args, env, mark })}\n`);
    const [stdout, stderr] = await printed;
    if (stdout!.code === null) {
      this.#child = undefined;
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    for (const handle of handles) handle.unref();
    this.#isBusy = false;
    return { code: stdout!.code ?? child.exitCode, stdout: stdout!.text, stderr: stderr!.text };
  }
}

/** What comes up to this mark, without its last line break, and the exit code behind it; null where the stream ends before. */
function readUntil(stream: Readable, mark: string): Promise<{ readonly text: string; readonly code: number | null }> {
  const { promise, resolve } = Promise.withResolvers<{ text: string; code: number | null }>();
  let all = '';
  const read = (chunk: string) => {
    all += chunk;
    const [before = '', after] = all.split(mark);
    if (after?.endsWith('\n')) settle(before, Number(after));
  };
  const end = () => settle(all, null);
  const settle = (text: string, code: number | null) => {
    stream.off('data', read).off('close', end);
    resolve({ text: text.replace(/\n$/, ''), code });
  };
  stream.setEncoding('utf8').on('data', read).on('close', end);
  return promise;
}
