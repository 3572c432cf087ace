import type { Service } from './service.ts';

export interface BackgroundOptions {
  readonly name: string;
  /**
   * Runs until it is done or the signal aborts, and calls `tried` after its first attempt, whatever came of it. Nobody waits
   * for more: a failure is its own to report.
   */
  readonly run: (signal: AbortSignal, tried: () => void) => Promise<void>;
}

/** A service that others do not wait for: its start resolves after the first attempt, and it goes on in the background. */
export class Background implements Service {
  readonly name: string;
  readonly #run: BackgroundOptions['run'];
  readonly #aborter = new AbortController();
  readonly #tried = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;

  constructor({ name, run }: BackgroundOptions) {
    this.name = name;
    this.#run = run;
  }

  async start(): Promise<void> {
    const { signal } = this.#aborter;
    if (signal.aborted) throw new Error(`${this.name} was stopped`);
    this.#running ??= this.#run(signal, this.#tried.resolve)
      .catch(() => {})
      .finally(this.#tried.resolve);
    await this.#tried.promise;
  }

  async stop(): Promise<void> {
    this.#aborter.abort();
    await this.#running;
  }
}
