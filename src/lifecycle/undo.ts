/** What AsyncDisposableStack does, which Node 22 does not have yet: the last first, each of them, whatever fails. */
export class Undo implements AsyncDisposable {
  #steps: Array<() => unknown> = [];

  /** For the disposal; what it returns is awaited. */
  defer(step: () => unknown): void {
    this.#steps.push(step);
  }

  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  /** Hands all of it over: disposing this one does nothing then. */
  move(): Undo {
    const moved = new Undo();
    moved.#steps = this.#steps;
    this.#steps = [];
    return moved;
  }

  /** Rejects with the first failure, or with an AggregateError of several. */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (err) {
        errors.push(err);
      }
    }
    if (errors.length > 1) throw new AggregateError(errors, 'Not everything was put away');
    if (errors.length === 1) throw errors[0];
  }
}
