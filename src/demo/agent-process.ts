import { type ChildProcess, fork, spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Order, Report, ReportOf } from './agent-protocol.ts';
import { untilAborted } from './until-aborted.ts';

/** Beside this file, compiled or not. */
const self = fileURLToPath(import.meta.url);
const script = path.join(path.dirname(self), `agent${path.extname(self)}`);

const awaited = ['ready', 'working', 'told', 'delivered'] as const;
type Awaited = (typeof awaited)[number];

/**
 * Stops a process until its own input ends, which it does with the demo, however that ends. A stopped agent could not
 * notice by itself that the demo has ended.
 */
const STOPPER = 'trap "" INT TERM; kill -STOP "$1"; read -r _; kill -CONT "$1"';

/** One agent process of the demo. Disposing it kills the process. */
export class AgentProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #reports = new Map(awaited.map((kind) => [kind, Promise.withResolvers<Report>()]));
  /** Settles when the process has ended, in whatever way. */
  readonly gone: Promise<void>;

  constructor(name: string, onLog: (report: ReportOf<'log'>) => void) {
    this.#name = name;
    this.#child = fork(script, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    for (const { promise } of this.#reports.values()) promise.catch(() => {});
    this.#child.on('message', (message) => {
      const report = message as Report;
      if (report.kind === 'log') onLog(report);
      else this.#reports.get(report.kind)!.resolve(report);
    });
    const gone = Promise.withResolvers<void>();
    this.gone = gone.promise;
    const onGone = (how: string) => {
      for (const [kind, { reject }] of this.#reports) reject(new Error(`ended (${how}) before it was ${kind}`));
      gone.resolve();
    };
    this.#child.once('error', (err) => onGone(err.message));
    this.#child.once('exit', (code, signal) => onGone(signal ?? `exit code ${code}`));
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  order(message: Order): void {
    // A message that is lost because the process has ended shows as a missing report.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** The agent's report of this kind, also when it came before. Rejects when the process ends without it. */
  async heard<K extends Awaited>(kind: K, signal: AbortSignal): Promise<ReportOf<K>> {
    return (await untilAborted(this.#reports.get(kind)!.promise, signal)) as ReportOf<K>;
  }

  kill(): void {
    if (!this.#child.kill('SIGKILL')) throw new Error(`${this.#name} had ended before it was killed`);
  }

  /** SIGSTOP: alive, but silent. Returns a function that sends SIGCONT. */
  pause(): () => void {
    const stopper = spawn('/bin/sh', ['-c', STOPPER, 'sh', String(this.pid)], { stdio: ['pipe', 'ignore', 'ignore'] });
    stopper.on('error', () => {}).unref(); // an agent that is not stopped shows at the end
    stopper.stdin.on('error', () => {});
    return () => stopper.stdin.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.gone;
  }
}
