import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A program that is given text and answers in lines, for as long as the client lives. */
export class LineProgram implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #failed: Promise<never>;

  /** @param remedy what to do where there is no such program. */
  constructor(file: string, args: readonly string[], remedy: string) {
    this.#child = spawn(file, args, { env: { ...process.env, PGCLIENTENCODING: 'UTF8' } });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    let complaint = '';
    this.#child.stderr.on('data', (text) => {
      complaint += text;
    });
    this.#failed = new Promise((_, reject) => {
      this.#child.once('error', () => reject(new Error(`${file} is not here: ${remedy}`)));
      this.#child.once('close', (code) => reject(new Error(`${file} ended with ${code}: ${complaint}`)));
    });
    // It is awaited with the next answer.
    this.#failed.catch(() => undefined);
    this.#child.stdin.on('error', () => undefined);
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  async readLine(): Promise<string> {
    const { value } = await Promise.race([this.#lines.next(), this.#failed]);
    return value ?? this.#failed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.pid === undefined) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
  }
}
