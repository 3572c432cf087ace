import type { HeartbeatResult } from './heartbeat-result.ts';

/** The heartbeats as the rounds need them; none of them throws. */
export interface RoundBeats {
  /** One delegation's; waits while another session has its row locked. */
  beat(delegationId: string, progress?: string): Promise<HeartbeatResult>;
  /** Those of all whose rows are free: a locked one has no answer. `progress` by id. */
  beatFree(ids: readonly string[], progress: ReadonlyMap<string, string>): Promise<Map<string, HeartbeatResult>>;
  logSilence(ids: readonly string[], afterMs: number): void;
  /** The daemons' threshold as last heard, in milliseconds. */
  readonly stuckAfterMs: number | undefined;
}

/** One keepAlive. */
export interface Participant {
  readonly delegationId: string;
  /** Between its heartbeats, given the threshold that it is judged by, where that is known. */
  intervalMs(stuckAfterMs: number | undefined): number;
  /** `stuckAfterMs`: the threshold that it is judged by. */
  heard(result: HeartbeatResult, stuckAfterMs: number): void;
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

interface Progress {
  readonly text: string;
  /** Counts up with each that any keepAlive says. */
  readonly number: number;
}

interface Place {
  /** On the process's monotonic clock; Infinity while a round is under way. */
  dueAtMs: number;
  /** A heartbeat of this one alone has no answer yet: it may be waiting for the row's lock. */
  waiting: boolean;
  /** The delegation's own threshold, or the daemons', as its last answer named it. */
  stuckAfterMs: number | undefined;
  /** What goes with its next heartbeat; gone once that was written. */
  progress: Progress | undefined;
  readonly underWay: Set<Promise<unknown>>;
}

type Going = ReadonlyMap<Participant, Place>;
type Answers = ReadonlyMap<string, HeartbeatResult>;
/** What went with heartbeats that are under way. */
type Said = ReadonlyMap<Place, Progress & { readonly delegationId: string }>;

/**
 * The heartbeats of one ledger's keepAlives, sent together, with those due within half their interval. A round
 * that gets no answer in time is given up, and the next goes out over another connection while the old one still hangs.
 */
export class KeepAliveRounds {
  readonly #beats: RoundBeats;
  readonly #places = new Map<Participant, Place>();
  #timer: NodeJS.Timeout | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;
  #unanswered = 0;
  #waiting = 0;
  #saidNumber = 0;

  constructor(beats: RoundBeats) {
    this.#beats = beats;
  }

  join(participant: Participant): void {
    const nowMs = performance.now();
    this.#places.set(participant, {
      dueAtMs: nowMs,
      waiting: false,
      stuckAfterMs: undefined,
      progress: undefined,
      underWay: new Set(),
    });
    this.#armFor(nowMs);
  }

  /** Goes with the next heartbeat of a participant that has not left. */
  say(participant: Participant, text: string): void {
    const place = this.#places.get(participant);
    this.#saidNumber += 1;
    if (place) place.progress = { text, number: this.#saidNumber };
  }

  /** No heartbeat begins any more. Resolves when none is under way, after five seconds at the latest. */
  async leave(participant: Participant): Promise<void> {
    const place = this.#places.get(participant);
    this.#places.delete(participant);
    if (place === undefined || place.underWay.size === 0) return;
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(LEAVE_MAX_MS, this.#answerWithinMs([place])));
    await Promise.race([Promise.all([...place.underWay]), tooLong]);
    clearTimeout(timer);
  }

  /** Until its first answer: what was last heard of any delegation. */
  #thresholdMs({ stuckAfterMs }: Place): number | undefined {
    return stuckAfterMs ?? this.#beats.stuckAfterMs;
  }

  /** The shortest threshold of those that wait for the answer decides. */
  #answerWithinMs(places: readonly Place[]): number {
    const shortestMs = places.reduce(
      (ms, place) => Math.min(ms, this.#thresholdMs(place) ?? STUCK_AFTER_UNKNOWN_MS),
      Number.POSITIVE_INFINITY,
    );
    return Math.min(ANSWER_MAX_MS, Math.max(ANSWER_MIN_MS, shortestMs / 4));
  }

  #intervalMs(participant: Participant, place: Place): number {
    return participant.intervalMs(this.#thresholdMs(place));
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
    const goesAlong = ([participant, place]: [Participant, Place]) =>
      place.dueAtMs <= nowMs + this.#intervalMs(participant, place) / 2;
    const going = new Map([...this.#places].filter(goesAlong));
    if (this.#unanswered < UNANSWERED_MAX) this.#send(going);
    else this.#retry(going);
    this.#arm();
  }

  #send(going: Going): void {
    if (going.size === 0) return;
    const ids = [...new Set([...going.keys()].map(({ delegationId }) => delegationId))];
    const places = [...going.values()];
    const said = progressOf(going);
    const alone = ids.length === 1 && places.every(({ waiting }) => !waiting);
    for (const place of places)
      Object.assign(place, { dueAtMs: Number.POSITIVE_INFINITY, waiting: alone || place.waiting });
    const answers = this.#ask(alone ? this.#one(ids[0]!, said) : this.#beats.beatFree(ids, textById(said)), places);
    const withinMs = this.#answerWithinMs(places);
    let [answered, givenUp] = [false, false];
    const giveUp = () => {
      if (answered) return;
      givenUp = true;
      for (const { underWay } of places) underWay.delete(answers);
      this.#beats.logSilence(ids, withinMs);
      this.#retry(going);
      this.#arm();
    };
    // An agent that computed all the while has not read its sockets: what has arrived is read before the immediate.
    const timer = setTimeout(() => setImmediate(giveUp).unref(), withinMs);
    timer.unref();
    void answers.then((results) => {
      answered = true;
      clearTimeout(timer);
      if (alone) for (const place of places) place.waiting = false;
      forgetWritten(said, results);
      this.#tell(going, results, givenUp);
      this.#arm();
    });
  }

  /** What comes late may be as old as the connection's silence: of that only the end of a delegation is still true. */
  #tell(going: Going, results: Answers, late: boolean): void {
    for (const [participant, place] of going) {
      if (this.#places.get(participant) !== place) continue;
      const result = results.get(participant.delegationId);
      if (late) {
        if (result?.outcome === 'terminal') this.#heard(participant, place, result);
      } else if (result === undefined || result.outcome === 'failed') {
        this.#retry(new Map([[participant, place]]));
        if (result === undefined) this.#wait(participant, place);
      } else {
        place.stuckAfterMs = result.stuckAfterMs ?? place.stuckAfterMs;
        place.dueAtMs = performance.now() + this.#intervalMs(participant, place);
        this.#heard(participant, place, result);
      }
    }
  }

  #heard(participant: Participant, place: Place, result: HeartbeatResult): void {
    participant.heard(result, this.#thresholdMs(place) ?? STUCK_AFTER_UNKNOWN_MS);
  }

  /** A heartbeat that stands in the queue for a locked row is written before a sweep can come to it. */
  #wait(participant: Participant, place: Place): void {
    if (place.waiting || this.#waiting >= WAITING_MAX || this.#unanswered >= UNANSWERED_MAX) return;
    place.waiting = true;
    this.#waiting += 1;
    const going = new Map([[participant, place]]);
    const said = progressOf(going);
    void this.#ask(this.#one(participant.delegationId, said), [place]).then((results) => {
      place.waiting = false;
      this.#waiting -= 1;
      forgetWritten(said, results);
      this.#tell(going, results, true);
    });
  }

  #retry(going: Going): void {
    const nowMs = performance.now();
    for (const [participant, place] of going) {
      place.dueAtMs = nowMs + Math.min(RETRY_MS, this.#intervalMs(participant, place));
    }
  }

  async #one(delegationId: string, said: Said): Promise<Answers> {
    return new Map([[delegationId, await this.#beats.beat(delegationId, textById(said).get(delegationId))]]);
  }

  #ask(answers: Promise<Answers>, places: readonly Place[]): Promise<Answers> {
    this.#unanswered += 1;
    // A logger that throws is all that can reject here: unhandled it would end the agent's process.
    const asked = answers
      .catch((): Answers => new Map())
      .finally(() => {
        this.#unanswered -= 1;
        for (const { underWay } of places) underWay.delete(asked);
      });
    for (const { underWay } of places) underWay.add(asked);
    return asked;
  }
}

/** What the participants have to say. */
function progressOf(going: Going): Said {
  return new Map(
    Array.from(going).flatMap(([{ delegationId }, place]) =>
      place.progress === undefined ? [] : [[place, { ...place.progress, delegationId }] as const],
    ),
  );
}

/** Of several that keep one delegation alive, what was said last. */
function textById(said: Said): ReadonlyMap<string, string> {
  const inOrder = [...said.values()].sort((a, b) => a.number - b.number);
  return new Map(inOrder.map(({ delegationId, text }) => [delegationId, text]));
}

/** What was not written goes with the next heartbeat, unless something newer was said meanwhile. */
function forgetWritten(said: Said, results: Answers): void {
  for (const [place, { delegationId, number }] of said) {
    const isWritten = results.get(delegationId)?.outcome === 'stamped';
    if (isWritten && place.progress?.number === number) place.progress = undefined;
  }
}
