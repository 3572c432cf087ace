import type { StreamResponse } from '@a2a-js/sdk';
import type { SeenTask } from './seen-task.ts';

/**
 * What a subscription repeats to a reader who has seen the stream before it: its opening snapshot, where nothing in it is
 * new. Where something is, the events that were in it already: they had been published, but not delivered, when it was made.
 */
export class Doubles {
  readonly #seen: SeenTask;
  #isFirst = true;
  /** What may still be repeated: nothing, or each kind of event and each artifact once. */
  #repeated: Set<string> | undefined;

  constructor(seen: SeenTask) {
    this.#seen = seen;
  }

  has(event: StreamResponse): boolean {
    try {
      return this.#has(event);
    } catch {
      // An event that is none of the protocol's: the reader gets it as the SDK gave it.
      return false;
    }
  }

  #has(event: StreamResponse): boolean {
    const { payload } = event;
    const isSnapshot = this.#isFirst && payload?.$case === 'task';
    this.#isFirst = false;
    if (isSnapshot) {
      if (this.#seen.repeats(event)) return true;
      this.#repeated = new Set();
      return false;
    }
    const what =
      payload?.$case === 'artifactUpdate' ? `artifact ${payload.value.artifact?.artifactId}` : payload?.$case;
    if (this.#repeated === undefined || what === undefined || this.#repeated.has(what)) return false;
    this.#repeated.add(what);
    return this.#seen.repeats(event);
  }
}
