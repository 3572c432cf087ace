import type { HeartbeatResult } from './heartbeat-result.ts';

/** The heartbeats as the rounds need them; none of them throws. */
export interface RoundBeats {
  /** Of one delegation; waits while another session has its row locked. */
  beat(delegationId: string): Promise<HeartbeatResult>;
  /** Of all whose rows no other session has locked; a locked one has no result. */
  beatUnlocked(ids: readonly string[]): Promise<Map<string, HeartbeatResult>>;
  /** The text goes with the delegation's next heartbeat. */
  reportProgress(delegationId: string, text: string): void;
  logTimeout(ids: readonly string[], afterMs: number): void;
  /** The daemons' threshold in milliseconds, as the last answer named it. */
  readonly stuckAfterMs: number | undefined;
}

/** One keepAlive. */
export interface Participant {
  readonly delegationId: string;
  /** Between two of its heartbeats, given the threshold that it is judged by, where that is known. */
  intervalMs(stuckAfterMs: number | undefined): number;
  /** `stuckAfterMs`: the threshold that it is judged by. */
  onAnswer(result: HeartbeatResult, stuckAfterMs: number): void;
}

/** Until the threshold is known: the daemon's default. */
export const STUCK_AFTER_UNKNOWN_MS = 600_000;
/** A heartbeat that failed, or had no answer, is repeated after this time, or after the interval if that is shorter. */
const RETRY_MS = 1_000;
/** A heartbeat may take a quarter of the threshold, within these bounds. */
const ANSWER_MIN_MS = 250;
const ANSWER_MAX_MS = 15_000;
/** Until the threshold is known, which an agent's first answer names, and which may be of seconds. */
const ANSWER_UNKNOWN_MS = 1_000;
/** How long leaving waits at most for a heartbeat that is under way. */
const LEAVE_MAX_MS = 5_000;
/** Heartbeats without an answer at most: each may hold a connection, of which a pool has ten by default. */
const UNANSWERED_MAX = 8;
/** Of these, heartbeats that wait for a locked row. */
const WAITING_MAX = 2;

/** What the rounds know of one participant. */
interface State {
  /** On the process's monotonic clock; Infinity while a round is under way. */
  dueAtMs: number;
  /** A heartbeat of this one alone has no answer yet: it may be waiting for the row's lock. */
  waiting: boolean;
  /** The delegation's own threshold, or the daemons', as its last answer named it. */
  stuckAfterMs: number | undefined;
  readonly underWay: Set<Promise<unknown>>;
}

type Members = ReadonlyMap<Participant, State>;
type Answers = ReadonlyMap<string, HeartbeatResult>;

/**
 * The heartbeats of one ledger's keepAlives. A round sends, in one statement, the heartbeats that are due and those that
 * will be within half their interval. A round without an answer in time is given up, and the next one goes out over
 * another connection while the old one may still hang.
 */
export class KeepAliveRounds {
  readonly #beats: RoundBeats;
  readonly #members = new Map<Participant, State>();
  #timer: NodeJS.Timeout | undefined;
  #armedForMs = Number.POSITIVE_INFINITY;
  #unanswered = 0;
  #waiting = 0;

  constructor(beats: RoundBeats) {
    this.#beats = beats;
  }

  join(participant: Participant): void {
    const nowMs = performance.now();
    this.#members.set(participant, {
      dueAtMs: nowMs,
      waiting: false,
      stuckAfterMs: undefined,
      underWay: new Set(),
    });
    this.#armFor(nowMs);
  }

  /** Ignored for a participant that has left. */
  reportProgress(participant: Participant, text: string): void {
    if (this.#members.has(participant)) this.#beats.reportProgress(participant.delegationId, text);
  }

  /** No heartbeat begins any more. Resolves when none is under way, after five seconds at the latest. */
  async leave(participant: Participant): Promise<void> {
    const state = this.#members.get(participant);
    this.#members.delete(participant);
    if (state === undefined || state.underWay.size === 0) return;
    const { promise: timeout, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(LEAVE_MAX_MS, this.#answerWithinMs([state])));
    await Promise.race([Promise.all([...state.underWay]), timeout]);
    clearTimeout(timer);
  }

  /** Until its first answer: the threshold that the last answer named, for whichever delegation. */
  #thresholdMs({ stuckAfterMs }: State): number | undefined {
    return stuckAfterMs ?? this.#beats.stuckAfterMs;
  }

  /** By the shortest threshold of those whose heartbeats are sent. */
  #answerWithinMs(states: readonly State[]): number {
    const shortestMs = states.reduce((ms, state) => {
      const thresholdMs = this.#thresholdMs(state);
      return Math.min(ms, thresholdMs === undefined ? ANSWER_UNKNOWN_MS : thresholdMs / 4);
    }, ANSWER_MAX_MS);
    return Math.max(ANSWER_MIN_MS, shortestMs);
  }

  #intervalMs(participant: Participant, state: State): number {
    return participant.intervalMs(this.#thresholdMs(state));
  }

  #arm(): void {
    this.#armFor(
      [...this.#members.values()].reduce((ms, { dueAtMs }) => Math.min(ms, dueAtMs), Number.POSITIVE_INFINITY),
    );
  }

  /** Sets the timer, unless it is set for an earlier time. */
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
    const isDueSoon = ([participant, state]: [Participant, State]) =>
      state.dueAtMs <= nowMs + this.#intervalMs(participant, state) / 2;
    const members = new Map([...this.#members].filter(isDueSoon));
    if (this.#unanswered < UNANSWERED_MAX) this.#send(members);
    else this.#retry(members);
    this.#arm();
  }

  #send(members: Members): void {
    if (members.size === 0) return;
    const ids = [...new Set([...members.keys()].map(({ delegationId }) => delegationId))];
    const states = [...members.values()];
    const alone = ids.length === 1 && states.every(({ waiting }) => !waiting);
    for (const state of states)
      Object.assign(state, { dueAtMs: Number.POSITIVE_INFINITY, waiting: alone || state.waiting });
    const answers = this.#track(alone ? this.#beatOne(ids[0]!) : this.#beats.beatUnlocked(ids), states);
    const withinMs = this.#answerWithinMs(states);
    let [answered, givenUp] = [false, false];
    const giveUp = () => {
      if (answered) return;
      givenUp = true;
      for (const { underWay } of states) underWay.delete(answers);
      this.#beats.logTimeout(ids, withinMs);
      this.#retry(members);
      this.#arm();
    };
    // A process that computed all the while has not read its sockets: answers that have arrived are read before the
    // immediate runs.
    const timer = setTimeout(() => setImmediate(giveUp).unref(), withinMs);
    timer.unref();
    void answers.then((results) => {
      answered = true;
      clearTimeout(timer);
      if (alone) for (const state of states) state.waiting = false;
      this.#deliver(members, results, givenUp);
      this.#arm();
    });
  }

  /** A late answer may be as old as the time for which its connection hung: then only `terminal` is still true. */
  #deliver(members: Members, results: Answers, late: boolean): void {
    for (const [participant, state] of members) {
      if (this.#members.get(participant) !== state) continue;
      const result = results.get(participant.delegationId);
      if (late) {
        if (result?.outcome === 'terminal') this.#deliverOne(participant, state, result);
      } else if (result === undefined || result.outcome === 'failed') {
        this.#retry(new Map([[participant, state]]));
        if (result === undefined) this.#waitForLock(participant, state);
      } else {
        state.stuckAfterMs = result.stuckAfterMs ?? state.stuckAfterMs;
        state.dueAtMs = performance.now() + this.#intervalMs(participant, state);
        this.#deliverOne(participant, state, result);
      }
    }
  }

  #deliverOne(participant: Participant, state: State, result: HeartbeatResult): void {
    participant.onAnswer(result, this.#thresholdMs(state) ?? STUCK_AFTER_UNKNOWN_MS);
  }

  /** A heartbeat that waits in the queue for the row's lock is written before a sweep can take that lock. */
  #waitForLock(participant: Participant, state: State): void {
    if (state.waiting || this.#waiting >= WAITING_MAX || this.#unanswered >= UNANSWERED_MAX) return;
    state.waiting = true;
    this.#waiting += 1;
    void this.#track(this.#beatOne(participant.delegationId), [state]).then((results) => {
      state.waiting = false;
      this.#waiting -= 1;
      this.#deliver(new Map([[participant, state]]), results, true);
    });
  }

  #retry(members: Members): void {
    const nowMs = performance.now();
    for (const [participant, state] of members) {
      state.dueAtMs = nowMs + Math.min(RETRY_MS, this.#intervalMs(participant, state));
    }
  }

  async #beatOne(delegationId: string): Promise<Answers> {
    return new Map([[delegationId, await this.#beats.beat(delegationId)]]);
  }

  /** Counts the heartbeat as unanswered, and as under way for these participants, until it is answered. */
  #track(answers: Promise<Answers>, states: readonly State[]): Promise<Answers> {
    this.#unanswered += 1;
    // Only a logger that throws can make this reject; unhandled, that would end the agent's process.
    const tracked = answers
      .catch((): Answers => new Map())
      .finally(() => {
        this.#unanswered -= 1;
        for (const { underWay } of states) underWay.delete(tracked);
      });
    for (const { underWay } of states) underWay.add(tracked);
    return tracked;
  }
}
