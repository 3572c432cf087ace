/** Kinds remembered at most. */
const KINDS_MAX = 100;

/** Limits how often each kind of thing is done in this process, so that what fails every second is not logged every second. */
export class Repeats {
  readonly #everyMs: number;
  readonly #claimedAtMs = new Map<string, number>();

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** True at most once per interval for each kind: then do it now. */
  claim(kind: string, nowMs = performance.now()): boolean {
    const claimedAtMs = this.#claimedAtMs.get(kind);
    if (claimedAtMs !== undefined && nowMs - claimedAtMs < this.#everyMs) return false;
    if (this.#claimedAtMs.size >= KINDS_MAX) this.#claimedAtMs.clear();
    this.#claimedAtMs.set(kind, nowMs);
    return true;
  }
}
