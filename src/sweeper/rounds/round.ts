import { isAway } from '../../db/sqlstate.ts';
import { processTime, type Time } from '../../lifecycle/time.ts';

/** What is asked within so many milliseconds goes out together. */
const GATHERED_WITHIN_MS = 20;
/** One ledger that takes longer by itself delays the others in a statement of many. */
const SLOW_MS = 500;
/** A ledger that failed or was slow by itself is tried again after so long. */
const APART_MS = 60_000;
/** Ledgers in one statement: its transaction has locks on the tables of each, and the server has room for some thousand. */
const LEDGERS_MAX = 50;

interface Waiting<Asked, Answer> {
  readonly ledger: string;
  readonly asked: Asked;
  readonly alone: () => Promise<Answer>;
  readonly resolve: (answer: Answer | Promise<Answer>) => void;
}

/** A statement's answers, in the order of the ledgers. */
export interface Answers<Answer> {
  readonly answers: readonly Answer[];
  /** From when it had a connection. */
  readonly tookMs: number;
}

type AskTogether<Asked, Answer> = (ledgers: readonly string[], asked: readonly Asked[]) => Promise<Answers<Answer>>;

export interface RoundOptions {
  /** Such a ledger is never in the statement. */
  readonly isAlwaysAlone?: (ledger: string) => boolean;
  readonly time?: Time;
}

/**
 * Asks the same of many ledgers in one statement. Where that fails, it is sent once for each ledger; one for which it fails then, or takes long,
 * is the one at fault, and is asked in its own way for a minute. So is tried, once a minute, each ledger of a statement that took long.
 */
export class Round<Asked, Answer> {
  readonly #ask: AskTogether<Asked, Answer>;
  readonly #isAlwaysAlone: (ledger: string) => boolean;
  readonly #time: Time;
  /** By ledger: until then it is asked in its own way, and afterwards tried in a statement of its own. */
  readonly #apartUntilMs = new Map<string, number>();
  #suspectedAtMs = Number.NEGATIVE_INFINITY;
  #waiting: Waiting<Asked, Answer>[] = [];

  /** `ask`: one statement, which waits for no lock for long and fails when it takes seconds. */
  constructor(ask: AskTogether<Asked, Answer>, { isAlwaysAlone = () => false, time = processTime }: RoundOptions = {}) {
    this.#ask = ask;
    this.#isAlwaysAlone = isAlwaysAlone;
    this.#time = time;
  }

  /** @throws what `alone` throws, which asks the ledger in its own way, or an error of a database that is away. */
  ask(ledger: string, asked: Asked, alone: () => Promise<Answer>): Promise<Answer> {
    if (this.#isAlwaysAlone(ledger)) return alone();
    const apartUntilMs = this.#apartUntilMs.get(ledger);
    if (apartUntilMs !== undefined && this.#time.now() < apartUntilMs) return alone();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const one = { ledger, asked, alone, resolve };
    if (apartUntilMs !== undefined) void this.#sendPart([one]);
    else this.#gather(one);
    return promise;
  }

  #gather(one: Waiting<Asked, Answer>): void {
    if (this.#waiting.length === 0) setTimeout(() => this.#send(), GATHERED_WITHIN_MS);
    this.#waiting.push(one);
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
    const outcome = await this.#ask(
      part.map(({ ledger }) => ledger),
      part.map(({ asked }) => asked),
    ).catch((err: unknown) => ({ err }));
    if ('err' in outcome) return this.#failed(part, outcome.err);
    this.#judge(part, outcome.tookMs >= SLOW_MS);
    for (const [nth, { resolve }] of part.entries()) resolve(outcome.answers[nth]!);
  }

  #failed(part: readonly Waiting<Asked, Answer>[], err: unknown): void {
    for (const one of part) {
      const { ledger, alone, resolve } = one;
      if (isAway(err)) {
        // Whoever asks has to know it, even where to ask again would succeed.
        this.#apartUntilMs.set(ledger, Number.NEGATIVE_INFINITY);
        resolve(Promise.reject(err));
      } else if (part.length > 1) {
        void this.#sendPart([one]);
      } else {
        this.#apartUntilMs.set(ledger, this.#time.now() + APART_MS);
        resolve(alone());
      }
    }
  }

  #judge(part: readonly Waiting<Asked, Answer>[], isSlow: boolean): void {
    const nowMs = this.#time.now();
    const [{ ledger: only }] = part as readonly [Waiting<Asked, Answer>];
    if (part.length === 1 && isSlow) this.#apartUntilMs.set(only, nowMs + APART_MS);
    else if (part.length === 1) this.#apartUntilMs.delete(only);
    else if (isSlow && nowMs - this.#suspectedAtMs >= APART_MS) {
      // Not each time: where the whole server is slow, it would have more to do by that.
      this.#suspectedAtMs = nowMs;
      for (const { ledger } of part) this.#apartUntilMs.set(ledger, Number.NEGATIVE_INFINITY);
    }
  }
}
