import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EventLevel } from '../log/event-level.ts';
import type { EventLog } from '../log/event-log.ts';
import { untilAborted } from './until-aborted.ts';

/** A line of a process's own ledger. */
export interface LogReport {
  readonly kind: 'log';
  readonly level: EventLevel;
  readonly line: object;
  readonly message: string;
}

/** What a process reports, once: `about` tells reports of one kind apart. */
export interface Report {
  readonly kind: string;
  readonly about?: string;
}

/** Into the demo's own log. */
export function relayTo(log: EventLog) {
  return ({ line }: LogReport) => {
    const { event, ...fields } = line as { event: Parameters<EventLog['emit']>[0] };
    log.emit(event, fields as never);
  };
}

/** A process of the demo, with orders to it and reports from it over Node's IPC channel. Disposing it kills it. */
export class DemoProcess<Order extends object, Reported extends Report> implements AsyncDisposable {
  readonly #name: string;
  protected readonly child: ChildProcess;
  readonly #reports = new Map<string, PromiseWithResolvers<Reported>>();
  #ended: Error | undefined;
  /** Settles when the process has ended, in whatever way. */
  readonly gone: Promise<void>;

  /** `script`: a URL, without its ending, which is that of the demo itself, compiled or not. */
  constructor(name: string, script: URL, onLog: (report: LogReport) => void) {
    this.#name = name;
    const file = `${fileURLToPath(script)}${path.extname(fileURLToPath(import.meta.url))}`;
    this.child = fork(file, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.child.on('message', (message) => {
      const report = message as Reported | LogReport;
      if (report.kind === 'log') onLog(report as LogReport);
      else this.#report(report.kind, (report as Reported).about).resolve(report as Reported);
    });
    const gone = Promise.withResolvers<void>();
    this.gone = gone.promise;
    const onGone = (how: string) => {
      this.#ended = new Error(`${name} ended (${how}) before it reported`);
      for (const { reject } of this.#reports.values()) reject(this.#ended);
      gone.resolve();
    };
    this.child.once('error', (err) => onGone(err.message));
    this.child.once('exit', (code, signal) => onGone(signal ?? `exit code ${code}`));
  }

  get pid(): number | null {
    return this.child.pid ?? null;
  }

  order(message: Order): void {
    // A message that is lost because the process has ended shows as a missing report.
    if (this.child.connected) this.child.send(message, () => {});
  }

  /** The report of this kind, also when it came before. Rejects when the process ends without it. */
  async heard<K extends Reported['kind']>(
    kind: K,
    signal: AbortSignal,
    about?: string,
  ): Promise<Extract<Reported, { kind: K }>> {
    return (await untilAborted(this.#report(kind, about).promise, signal)) as Extract<Reported, { kind: K }>;
  }

  kill(): void {
    if (!this.child.kill('SIGKILL')) throw new Error(`${this.#name} had ended before it was killed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.gone;
  }

  #report(kind: string, about = ''): PromiseWithResolvers<Reported> {
    const key = `${kind} ${about}`;
    let report = this.#reports.get(key);
    if (report === undefined) {
      report = Promise.withResolvers<Reported>();
      report.promise.catch(() => {});
      if (this.#ended !== undefined) report.reject(this.#ended);
      this.#reports.set(key, report);
    }
    return report;
  }
}
