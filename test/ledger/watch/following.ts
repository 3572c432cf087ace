import type { DelegationChange, Watch } from '../../../src/index.ts';
import { waitFor } from '../../support/wait-for.ts';

/** A watch that is read in the background, until it ends. */
export class Following implements AsyncDisposable {
  readonly changes: DelegationChange[] = [];
  /** Resolves when the iteration is over; rejects with what it threw. */
  readonly over: Promise<void>;
  readonly watch: Watch;

  constructor(watch: Watch) {
    this.watch = watch;
    this.over = this.#read();
    this.over.catch(() => undefined);
  }

  /** As `id stuck`. */
  get told(): string[] {
    return this.changes.map(({ delegationId, event }) => `${delegationId} ${event.replace('delegation.', '')}`);
  }

  async heard(...told: readonly string[]): Promise<void> {
    await waitFor(`the watch to tell ${told.join(', ')}`, () => told.every((each) => this.told.includes(each)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch.return();
    await this.over.catch(() => undefined);
  }

  async #read(): Promise<void> {
    for await (const change of this.watch) this.changes.push(change);
  }
}
