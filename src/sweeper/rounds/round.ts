import { isAway } from '../../db/sqlstate.ts';

/** What is asked within so many milliseconds goes out together. */
const GATHERED_WITHIN_MS = 20;
/** Of one ledger by itself: one that took longer may be locked, and stays by itself until it is quicker. */
const SLOW_MS = 500;
/** Ledgers in one statement: its transaction has locks on the tables of each, and the server has room for some thousand. */
const LEDGERS_MAX = 50;

interface Waiting<Asked, Answer> {
  readonly ledger: string;
  readonly asked: Asked;
  readonly alone: () => Promise<Answer>;
  readonly resolve: (answer: Answer | Promise<Answer>) => void;
}

/**
 * Asks the same of many ledgers in one statement. Where that fails for one of them, each is asked by itself; one that fails by itself, or is slow,
 * then stays out of the statement until it has answered quickly, so that it delays no other.
 */
export class Round<Asked, Answer> {
  readonly #ask: (ledgers: readonly string[], asked: readonly Asked[]) => Promise<readonly Answer[]>;
  readonly #apart = new Set<string>();
  readonly #isAlwaysAlone: (ledger: string) => boolean;
  #waiting: Waiting<Asked, Answer>[] = [];

  /** `isAlwaysAlone`: such a ledger is never in the statement. `ask`: one statement, which waits for no lock for long. The answers are in the order of the ledgers. */
  constructor(
    ask: (ledgers: readonly string[], asked: readonly Asked[]) => Promise<readonly Answer[]>,
    isAlwaysAlone: (ledger: string) => boolean = () => false,
  ) {
    this.#ask = ask;
    this.#isAlwaysAlone = isAlwaysAlone;
  }

  /** @throws what `alone` throws, which asks the ledger by itself, or an error of a database that is away. */
  ask(ledger: string, asked: Asked, alone: () => Promise<Answer>): Promise<Answer> {
    if (this.#apart.has(ledger) || this.#isAlwaysAlone(ledger)) return this.#alone(ledger, alone);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    if (this.#waiting.length === 0) setTimeout(() => this.#send(), GATHERED_WITHIN_MS);
    this.#waiting.push({ ledger, asked, alone, resolve });
    return promise;
  }

  #send(): void {
    const all = this.#waiting;
    this.#waiting = [];
    const parts = Math.ceil(all.length / LEDGERS_MAX);
    // In one order, so that the statements of two daemons do not wait for one another in a circle.
    all.sort((a, b) => (a.ledger < b.ledger ? -1 : 1));
    for (let part = 0; part < parts; part += 1) {
      const size = Math.ceil(all.length / parts);
      void this.#sendPart(all.slice(part * size, (part + 1) * size));
    }
  }

  async #sendPart(part: readonly Waiting<Asked, Answer>[]): Promise<void> {
    const [only] = part;
    if (only === undefined) return;
    if (part.length === 1) return only.resolve(this.#alone(only.ledger, only.alone));
    const ledgers = part.map(({ ledger }) => ledger);
    const asked = part.map((one) => one.asked);
    const outcome = await this.#ask(ledgers, asked).then(
      (answers) => ({ answers }),
      (err: unknown) => ({ err }),
    );
    for (const [nth, { ledger, alone, resolve }] of part.entries()) {
      if ('answers' in outcome) resolve(outcome.answers[nth]!);
      else if (isAway(outcome.err)) resolve(this.#failed(ledger, outcome.err));
      else resolve(this.#alone(ledger, alone));
    }
  }

  /** The database is away: whoever asks has to know it, even where to ask again would succeed. The ledger is asked by itself next. */
  #failed(ledger: string, err: unknown): Promise<never> {
    this.#apart.add(ledger);
    return Promise.reject(err);
  }

  async #alone(ledger: string, alone: () => Promise<Answer>): Promise<Answer> {
    const sinceMs = performance.now();
    this.#apart.add(ledger);
    const answer = await alone();
    if (performance.now() - sinceMs < SLOW_MS) this.#apart.delete(ledger);
    return answer;
  }
}
