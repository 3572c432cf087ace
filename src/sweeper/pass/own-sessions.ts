import type { MarkAnswer } from './statements/marking.ts';

/**
 * The server's processes that the lanes of a pass write over, so that others who write are distinguished from them. The
 * last few are remembered, since a connection may be replaced and a pooler may hand out another one.
 */
export class OwnSessions {
  readonly #lanes: number;
  /** Oldest first. */
  #pids: number[] = [];

  constructor(lanes: number) {
    this.#lanes = lanes;
  }

  /** How many other sessions were writing delegations. A lane that has not answered yet may be one of them. */
  othersOf(answer: Pick<MarkAnswer, 'pid' | 'writers'> | undefined): number {
    if (answer === undefined) return 0;
    this.#pids = [...this.#pids.filter((pid) => pid !== answer.pid), answer.pid].slice(-2 * this.#lanes);
    const strangers = answer.writers.filter((pid) => !this.#pids.includes(pid)).length;
    return Math.max(0, strangers - Math.max(0, this.#lanes - this.#pids.length));
  }
}
