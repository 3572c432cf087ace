/** Kinds remembered at most. */
const KINDS_MAX = 100;

/** Lets one thing of a kind through in a while, so that what fails every second is not said every second. */
export class Repeats {
  readonly #everyMs: number;
  readonly #saidAtMs = new Map<string, number>();

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Whether to say it now; from here on it counts as said. */
  isDue(kind: string, nowMs = performance.now()): boolean {
    const saidAtMs = this.#saidAtMs.get(kind);
    if (saidAtMs !== undefined && nowMs - saidAtMs < this.#everyMs) return false;
    if (this.#saidAtMs.size >= KINDS_MAX) this.#saidAtMs.clear();
    this.#saidAtMs.set(kind, nowMs);
    return true;
  }
}
