import type { LedgerDb } from '../../db/schema.ts';
import { isAway } from '../../db/sqlstate.ts';
import type { Service } from '../../lifecycle/service.ts';
import { processTime, type Time } from '../../lifecycle/time.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import { beatIntervalMs } from '../horizon.ts';
import { MICROS_PER_MS } from '../instant.ts';
import { sweeperTables } from '../tables.ts';
import { Sample } from './sample.ts';
import { addCountsStatement } from './statements/add-counts.ts';
import { handOnStatement, takeOverStatement } from './statements/hand-on.ts';
import { sampleStatement } from './statements/sample.ts';

/** Least time between two readings, however short the threshold. */
const INTERVAL_MIN_MS = 1_000;
/** Intervals from one reading to the next while nothing is in progress, or another daemon samples. */
const IDLE_INTERVALS = 6;
/** Intervals after which what was counted is stored: a minute, as a rule. */
const STORE_INTERVALS = 6;
/** A beat is older than so many intervals: whether there was an outage is known after the next one. */
const BEAT_INTERVALS_MAX = 1.5;
const FAILED_REPEAT_MS = 3_600_000;

/** Milliseconds between two readings: as between two beats, which is less than what the library lets pass between two stamps. */
export function samplingIntervalMs(stuckAfterMs: number): number {
  return Math.max(INTERVAL_MIN_MS, beatIntervalMs(stuckAfterMs));
}

type Answer = Awaited<ReturnType<ReturnType<typeof sampleStatement>['run']>>[number];

/**
 * Gathers what the advice about thresholds rests on: follows a bounded sample of the delegations in progress, one
 * statement per interval, and stores counts every sixth time. What fails is left out, never counted twice. Emits
 * advice.sampling_failed.
 */
export class Sampler implements Service {
  readonly name = 'sampler';
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #daemonId: string;
  readonly #intervalMs: number;
  readonly #time: Time;
  readonly #isResting: () => boolean;
  readonly #sample: Sample;
  readonly #statements: ReturnType<typeof statementsOf>;
  readonly #failures = new Repeats(FAILED_REPEAT_MS);
  readonly #aborter = new AbortController();
  #loop: Promise<void> | undefined;
  #after: number | null = null;
  #isSampler = false;
  #storedAtMs: number;

  /** `daemonId`: that of this daemon's beats. `isResting`: nothing is open in the ledger, and nothing has begun since. */
  constructor(
    db: LedgerDb,
    log: EventLog,
    daemonId: string,
    stuckAfterMs: number,
    time: Time = processTime,
    isResting: () => boolean = () => false,
  ) {
    this.#db = db;
    this.#log = log;
    this.#daemonId = daemonId;
    this.#intervalMs = samplingIntervalMs(stuckAfterMs);
    this.#time = time;
    this.#isResting = isResting;
    this.#sample = new Sample(this.#intervalMs);
    this.#statements = statementsOf(db);
    this.#storedAtMs = time.now();
  }

  async start(): Promise<void> {
    const { signal } = this.#aborter;
    signal.throwIfAborted();
    this.#loop ??= this.#run(signal);
  }

  async stop(): Promise<void> {
    if (this.#aborter.signal.aborted) return this.#loop;
    this.#aborter.abort();
    if (this.#loop === undefined) return;
    this.#loop = this.#loop.then(() => this.#handOn());
    await this.#loop;
  }

  /** Reads once. Returns how long to wait before the next reading, in ms. @throws the database's error. */
  async read(): Promise<number> {
    const { followed } = this.#sample;
    const [answer] = await this.#statements.sample.run(this.#db, {
      daemonId: this.#daemonId,
      after: this.#after,
      ids: followed.map(({ delegationId }) => delegationId),
      stampsUs: followed.map(({ stampUs }) => stampUs),
    });
    if (answer === undefined || !answer.isSampler) return this.#rest();
    if (!this.#isSampler) return this.#takeOver();
    if (!this.#isBeating(answer)) return this.#intervalMs;
    this.#take(answer);
    if (this.#time.now() - this.#storedAtMs >= STORE_INTERVALS * this.#intervalMs) await this.store();
    const isIdle = answer.activities === 0 && this.#sample.followed.length === 0;
    return isIdle ? IDLE_INTERVALS * this.#intervalMs : this.#intervalMs;
  }

  /** Stores what was counted. @throws the database's error; what it was to store is then lost. */
  async store(): Promise<void> {
    this.#storedAtMs = this.#time.now();
    const counts = this.#sample.drain();
    if (counts.length > 0) await this.#statements.add.run(this.#db, { counts });
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const hasNothing = this.#isResting() && this.#sample.followed.length === 0;
      const pauseMs = hasNothing
        ? IDLE_INTERVALS * this.#intervalMs
        : await this.read().catch((err: unknown) => this.#failed(err));
      // Rejects only when the signal aborts.
      await this.#time.sleep(pauseMs, signal).catch(() => {});
    }
  }

  #take(answer: Answer): void {
    const { nowUs, gaps, lastId, activities, changed, entered } = answer;
    const passed = (lastId ?? 0) - (this.#after ?? lastId ?? 0);
    const weight = activities === 0 ? 1 : Math.max(1, passed / activities);
    this.#sample.take({ nowUs, gaps, changed, entered, weight });
    this.#after = lastId ?? 0;
  }

  /** A gap is recorded by the beat that ends it: before that, an outage would look like silence. */
  #isBeating({ nowUs, beatAtUs }: Answer): boolean {
    return beatAtUs !== null && nowUs - beatAtUs <= BEAT_INTERVALS_MAX * this.#intervalMs * MICROS_PER_MS;
  }

  /** What was handed on is read at once. */
  async #takeOver(): Promise<number> {
    const [row] = await this.#statements.takeOver.run(this.#db, {});
    this.#isSampler = true;
    const handedOn = row?.followed ?? null;
    if (handedOn !== null) this.#sample.resume(handedOn);
    return 0;
  }

  /** Another daemon samples. */
  #rest(): number {
    this.#isSampler = false;
    this.#after = null;
    this.#sample.forget();
    return IDLE_INTERVALS * this.#intervalMs;
  }

  async #handOn(): Promise<void> {
    try {
      await this.store();
      const followed = this.#isSampler ? this.#sample.handOn() : null;
      if (followed !== null) await this.#statements.handOn.run(this.#db, { followed });
    } catch (err) {
      this.#failed(err);
    }
  }

  /** Returns the pause after it, in ms. An outage is reported by what depends on the database more. */
  #failed(err: unknown): number {
    if (!isAway(err) && this.#failures.claim('failed')) {
      this.#log.emit('advice.sampling_failed', { err: errorFields(err) });
    }
    return this.#intervalMs;
  }
}

function statementsOf(db: LedgerDb) {
  const tables = sweeperTables(db);
  return {
    sample: sampleStatement(tables),
    add: addCountsStatement(tables),
    handOn: handOnStatement(tables),
    takeOver: takeOverStatement(tables),
  };
}
