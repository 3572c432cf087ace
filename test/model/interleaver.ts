/**
 * Runs the statements of several sessions one at a time, in the order that the picks give: the same picks, the same
 * interleaving. Between two statements of one session any statement of another may run. No session may hold a lock across
 * statements, since the one that waits for it would keep the turn.
 */
export class Interleaver {
  readonly #picks: readonly number[];
  readonly #waiting = new Map<number, () => void>();
  readonly #running = new Set<number>();
  #turn = 0;

  constructor(picks: readonly number[]) {
    this.#picks = picks;
  }

  /** Announces a statement of this session; resolves when it may run. The one before must have ended. */
  readonly gate = (session: number): Promise<void> =>
    new Promise((go) => {
      this.#waiting.set(session, go);
      this.#running.delete(session);
      this.#next();
    });

  /** Runs each session's work; a session takes part from its first moment to its last. */
  async run(works: readonly (() => Promise<void>)[]): Promise<void> {
    for (const session of works.keys()) this.#running.add(session);
    await Promise.all(
      works.map(async (work, session) => {
        try {
          await work();
        } finally {
          this.#running.delete(session);
          this.#next();
        }
      }),
    );
  }

  /** When every session waits or has ended, one of the waiting goes on. */
  #next(): void {
    if (this.#running.size > 0 || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting.keys()].sort((a, b) => a - b);
    const session = waiting[(this.#picks[this.#turn % this.#picks.length] ?? 0) % waiting.length]!;
    this.#turn += 1;
    const go = this.#waiting.get(session)!;
    this.#waiting.delete(session);
    this.#running.add(session);
    go();
  }
}
