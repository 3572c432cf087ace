import type { HeartbeatResult } from './heartbeat-result.ts';

/** The heartbeats as the rounds need them; none of them throws. */
export interface RoundBeats {
  /** One delegation's; waits while another session has its row locked. */
  beat(delegationId: string): Promise<HeartbeatResult>;
  /** Those of all whose rows are free: a locked one has no answer. */
  beatFree(ids: readonly string[]): Promise<Map<string, HeartbeatResult>>;
  logSilence(ids: readonly string[], afterMs: number): void;
  /** The daemons' threshold as last heard, in milliseconds. */
  readonly stuckAfterMs: number | undefined;
}

/** One keepAlive. */
export interface Participant {
  readonly delegationId: string;
  intervalMs(stuckAfterMs: number | undefined): number;
  heard(result: HeartbeatResult): void;
}

/** Until the threshold is known: the daemon's default. */
export const STUCK_AFTER_UNKNOWN_MS = 600_000;
/** What failed, or had no answer, is tried again sooner than the next heartbeat would come. */
const RETRY_MS = 1_000;
/** An answer is waited for a quarter of the threshold, within these bounds. */
const ANSWER_MIN_MS = 250;
const ANSWER_MAX_MS = 15_000;
/** The longest that leaving waits for a heartbeat that is under way. */
const LEAVE_MAX_MS = 5_000;
/** Heartbeats without an answer at most: each may hold a connection, of which a pool has ten by default. */
const UNANSWERED_MAX = 8;
/** Heartbeats that wait for a locked row, of those. */
const WAITING_MAX = 2;

interface Place {
  /** On the process's monotonic clock; Infinity while a round is under way. */
  dueAtMs: number;
  /** A heartbeat of this one alone has no answer yet: it may be waiting for the row's lock. */
  waiting: boolean;
  readonly underWay: Set<Promise<unknown>>;
}

/**
 * The heartbeats of one ledger's keepAlives, sent together: whoever is due within half its interval goes along. A round
 * that gets no answer in time is given up, and the next goes out over another connection while the old one still hangs.
 */
export class KeepAliveRounds {
  readonly #beats: RoundBeats;
  readonly #places = new Map<Participant, Place>();
  #timer: NodeJS.Timeout | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;
  #unanswered = 0;
  #waiting = 0;

  constructor(beats: RoundBeats) {
    this.#beats = beats;
  }

  get stuckAfterMs(): number {
    return this.#beats.stuckAfterMs ?? STUCK_AFTER_UNKNOWN_MS;
  }

  join(participant: Participant): void {
    const nowMs = performance.now();
    this.#places.set(participant, { dueAtMs: nowMs, waiting: false, underWay: new Set() });
    this.#armFor(nowMs);
  }

  /** No heartbeat begins any more. Resolves when none is under way, after five seconds at the latest. */
  async leave(participant: Participant): Promise<void> {
    const underWay = [...(this.#places.get(participant)?.underWay ?? [])];
    this.#places.delete(participant);
    if (underWay.length === 0) return;
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(LEAVE_MAX_MS, this.#answerWithinMs));
    await Promise.race([Promise.all(underWay), tooLong]);
    clearTimeout(timer);
  }

  get #answerWithinMs(): number {
    return Math.min(ANSWER_MAX_MS, Math.max(ANSWER_MIN_MS, this.stuckAfterMs / 4));
  }

  #intervalOf(participant: Participant): number {
    return participant.intervalMs(this.#beats.stuckAfterMs);
  }

  #arm(): void {
    this.#armFor(
      [...this.#places.values()].reduce((ms, { dueAtMs }) => Math.min(ms, dueAtMs), Number.POSITIVE_INFINITY),
    );
  }

  /** Sets the timer, unless it comes sooner anyway. */
  #armFor(dueAtMs: number): void {
    if (dueAtMs >= this.#armedForMs) return;
    clearTimeout(this.#timer);
    this.#armedForMs = dueAtMs;
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, dueAtMs - performance.now()));
    this.#timer.unref();
  }

  #fire(): void {
    this.#armedForMs = Number.POSITIVE_INFINITY;
    const nowMs = performance.now();
    const goesAlong = ([participant, { dueAtMs }]: [Participant, Place]) =>
      dueAtMs <= nowMs + this.#intervalOf(participant) / 2;
    const going = new Map([...this.#places].filter(goesAlong));
    if (this.#unanswered < UNANSWERED_MAX) this.#send(going);
    else this.#retry(going);
    this.#arm();
  }

  #send(going: ReadonlyMap<Participant, Place>): void {
    if (going.size === 0) return;
    const ids = [...new Set([...going.keys()].map(({ delegationId }) => delegationId))];
    const places = [...going.values()];
    const alone = ids.length === 1 && places.every(({ waiting }) => !waiting);
    for (const place of places)
      Object.assign(place, { dueAtMs: Number.POSITIVE_INFINITY, waiting: alone || place.waiting });
    const answers = this.#ask(alone ? this.#one(ids[0]!) : this.#beats.beatFree(ids), places);
    let [answered, givenUp] = [false, false];
    const giveUp = () => {
      if (answered) return;
      givenUp = true;
      for (const { underWay } of places) underWay.delete(answers);
      this.#beats.logSilence(ids, this.#answerWithinMs);
      this.#retry(going);
      this.#arm();
    };
    // An agent that computed all the while has not read its sockets: what has arrived is read before the immediate.
    const timer = setTimeout(() => setImmediate(giveUp).unref(), this.#answerWithinMs);
    timer.unref();
    void answers.then((results) => {
      answered = true;
      clearTimeout(timer);
      if (alone) for (const place of places) place.waiting = false;
      this.#tell(going, results, givenUp);
      this.#arm();
    });
  }

  /** What comes late may be as old as the connection's silence: of that only the end of a delegation is still true. */
  #tell(going: ReadonlyMap<Participant, Place>, results: ReadonlyMap<string, HeartbeatResult>, late: boolean): void {
    for (const [participant, place] of going) {
      if (this.#places.get(participant) !== place) continue;
      const result = results.get(participant.delegationId);
      if (late) {
        if (result?.outcome === 'terminal') participant.heard(result);
      } else if (result === undefined || result.outcome === 'failed') {
        this.#retry(new Map([[participant, place]]));
        if (result === undefined) this.#wait(participant, place);
      } else {
        place.dueAtMs = performance.now() + this.#intervalOf(participant);
        participant.heard(result);
      }
    }
  }

  /** A heartbeat that stands in the queue for a locked row is written before a sweep can come to it. */
  #wait(participant: Participant, place: Place): void {
    if (place.waiting || this.#waiting >= WAITING_MAX || this.#unanswered >= UNANSWERED_MAX) return;
    place.waiting = true;
    this.#waiting += 1;
    void this.#ask(this.#one(participant.delegationId), [place]).then((results) => {
      place.waiting = false;
      this.#waiting -= 1;
      this.#tell(new Map([[participant, place]]), results, true);
    });
  }

  #retry(going: ReadonlyMap<Participant, Place>): void {
    const nowMs = performance.now();
    for (const [participant, place] of going) {
      place.dueAtMs = nowMs + Math.min(RETRY_MS, this.#intervalOf(participant));
    }
  }

  async #one(delegationId: string): Promise<Map<string, HeartbeatResult>> {
    return new Map([[delegationId, await this.#beats.beat(delegationId)]]);
  }

  #ask(answers: Promise<Map<string, HeartbeatResult>>, places: readonly Place[]): typeof answers {
    this.#unanswered += 1;
    // A logger that throws is all that can reject here: unhandled it would end the agent's process.
    const asked = answers
      .catch(() => new Map<string, HeartbeatResult>())
      .finally(() => {
        this.#unanswered -= 1;
        for (const { underWay } of places) underWay.delete(asked);
      });
    for (const { underWay } of places) underWay.add(asked);
    return asked;
  }
}
