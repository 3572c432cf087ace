import { boundedRead } from '../../db/bounded-read.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { observedUsSince } from '../horizon.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';
import type { Unpublished } from '../publishing/refused.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import {
  ageBoundsUs,
  type ClassAges,
  type ClassSilence,
  heardBeforeUs,
  hitBy,
  LATE_FROM_BIN,
  silenceOf,
  sumOf,
  WATCHED_FROM_BIN,
} from './ages.ts';
import { ageCountStatement, PLAIN_CLASS } from './statements/age-count.ts';
import { anySilentStatement } from './statements/any-silent.ts';
import { lateCountStatement } from './statements/late-count.ts';
import { type SilentCallees, silentCalleesStatement } from './statements/silent-callees.ts';
import { calm, judgeStorm, type StormOptions, staleAllowed, toWatch } from './storm-guard.ts';
import { type Recalled, StormMemory } from './storm-memory.ts';
import { blindHoldNews, stormNews } from './storm-news.ts';
import type { StormQuestion, StormReading } from './storm-reading.ts';

interface RowBudget {
  readonly rowsMax: number;
}

interface Signs {
  readonly stale: number;
  readonly late: number;
  readonly latePlain: number;
  readonly silent: number;
  readonly inFlight: number;
  readonly hit: { readonly silent: number; readonly inFlight: number };
  readonly callees: SilentCallees;
}

const nothing = { stale: 0, late: 0, latePlain: 0, silent: 0, inFlight: 0, callees: [], unpublished: null };
const noCallees: SilentCallees = { callees: 0, top: [] };

/** Time limit on the server for counting up to a million rows. */
const COUNT_TIMEOUT_MS = 20_000;

/** Counts for the storm guard, no more than its decision needs: in the idle case, one index probe. */
export class StormWatch {
  readonly #db: LedgerDb;
  readonly #options: StormOptions;
  readonly #memory: StormMemory;
  readonly #anySilent: ReturnType<typeof anySilentStatement>;
  readonly #late: ReturnType<typeof lateCountStatement>;
  readonly #ages: ReturnType<typeof ageCountStatement>;
  readonly #callees: ReturnType<typeof silentCalleesStatement>;

  constructor(db: LedgerDb, tables: SweeperTables, options: StormOptions) {
    this.#db = db;
    this.#options = options;
    this.#memory = new StormMemory(db, tables);
    this.#anySilent = anySilentStatement(tables);
    this.#late = lateCountStatement(tables);
    this.#ages = ageCountStatement(tables);
    this.#callees = silentCalleesStatement(tables);
  }

  /** How many rows the verdict lets the stale rule mark. */
  rowsAllowed({ action, stale }: Pick<StormReading, 'action' | 'stale'>, { rowsMax }: RowBudget): number {
    return Math.min(rowsMax, staleAllowed(action, stale));
  }

  /** What earlier sweeps saw of this storm. To be called before anything is marked. Without a storm it sends no statement. */
  async recall(stormSinceUs: Micros | null, staleness: Staleness): Promise<Recalled> {
    return stormSinceUs === null ? { state: calm, cameBack: 0 } : this.#memory.recall(staleness);
  }

  /**
   * The verdict, stored for the next sweep.
   * @throws the database's error. A hold that had begun goes on then, and one may have begun; but when STORM_MAX_HOLD has
   * passed, or when forced, a failed count does not hold anything any longer.
   */
  async read(question: StormQuestion): Promise<StormReading> {
    const { sweepId, judgement, recalled, force } = question;
    const before = recalled.state;
    const held = before.heldSinceUs !== null;
    const off = this.#options.ratio === 0;
    const letGo = { action: 'sweep', state: calm, released: null, ...nothing } as const;
    if (off && before !== calm && sweepId !== null) {
      return { ...letGo, unpublished: await this.#keep(sweepId, question, letGo) };
    }
    const boundsUs = ageBoundsUs(judgement, judgement.stuckAfterMs);
    const anySilent = (beforeUs: Micros) => this.#anySilentRow(question, beforeUs);
    const isCalm = async () =>
      !(await anySilent(heardBeforeUs(boundsUs, WATCHED_FROM_BIN))) || (await this.#fewLate(question, boundsUs));
    if (off || (before === calm && (await isCalm()))) {
      return letGo;
    }
    const signs = await this.#count(question, boundsUs).catch(async (err: unknown) => {
      if (force || this.#heldTooLong(question)) return null;
      if (!held && sweepId !== null && (await anySilent(judgement.horizon.atUs))) {
        const news = blindHoldNews(sweepId, this.#options.maxHoldMs);
        const unpublished = await this.#memory.begin(sweepId, judgement.nowUs, news);
        if (unpublished !== null) question.onUnpublished?.(unpublished);
      }
      throw err;
    });
    const reading = signs === null ? this.#judgeBlindly(question) : this.#judge(question, signs);
    const asBefore = before === calm && reading.state === calm;
    if (sweepId === null || asBefore) return reading;
    return { ...reading, unpublished: await this.#keep(sweepId, question, reading) };
  }

  /** Fewer than a storm has can have fallen silent together: whatever the others' ages are, they need not be counted. */
  async #fewLate({ judgement }: StormQuestion, boundsUs: readonly Micros[]): Promise<boolean> {
    const { nowUs, staleness } = judgement;
    const rowsMax = Math.max(1, this.#options.minStale);
    const before = heardBeforeUs(boundsUs, LATE_FROM_BIN);
    const [row] = await this.#late.run(this.#db, { now: nowUs, staleness, before, rowsMax });
    return row!.rows < rowsMax;
  }

  async #anySilentRow({ judgement }: StormQuestion, beforeUs: Micros): Promise<boolean> {
    const { nowUs, staleness } = judgement;
    return (await this.#anySilent.run(this.#db, { now: nowUs, staleness, before: beforeUs }))[0]!.any;
  }

  #count({ judgement }: StormQuestion, boundsUs: readonly Micros[]): Promise<Signs> {
    const { nowUs, staleness } = judgement;
    const { ratio, minStale } = this.#options;
    return boundedRead(this.#db, COUNT_TIMEOUT_MS, async (db) => {
      const ages = await this.#ages.run(db, { now: nowUs, staleness, bounds: boundsUs });
      const classes = silenceOf(ages);
      const hitClasses = hitBy(classes, ratio);
      const lateOf = ({ rowsByAge }: ClassAges) => sumOf(rowsByAge.slice(WATCHED_FROM_BIN));
      const silentOf = (of: readonly ClassSilence[]) => sumOf(of.map(({ silent }) => silent));
      const inFlightOf = (of: readonly ClassSilence[]) => sumOf(of.map(({ inFlight }) => inFlight));
      const hit = { silent: silentOf(hitClasses), inFlight: inFlightOf(hitClasses) };
      const counted = {
        stale: sumOf(ages.map(({ stale }) => stale)),
        late: sumOf(ages.map(lateOf)),
        latePlain: sumOf(ages.filter((each) => each.class === PLAIN_CLASS).map(lateOf)),
        silent: silentOf(classes),
        inFlight: inFlightOf(classes),
        hit,
      };
      const many = hit.silent > 0 && hit.silent >= minStale && hit.silent >= ratio * hit.inFlight;
      if (!many) return { ...counted, callees: noCallees };
      const fromBins = Object.fromEntries(
        hitClasses.flatMap(({ class: of, fromBin }) => (fromBin === null ? [] : [[of, fromBin]])),
      );
      const { [PLAIN_CLASS]: plainFromBin, ...specialFromBins } = fromBins;
      const before = plainFromBin === undefined ? null : heardBeforeUs(boundsUs, plainFromBin);
      const values = { now: nowUs, staleness, before, fromBins: specialFromBins };
      return { ...counted, callees: (await this.#callees.run(db, values))[0]! };
    });
  }

  #judge({ judgement, recalled, force }: StormQuestion, signs: Signs): StormReading {
    const { nowUs, stuckAfterMs, gaps } = judgement;
    const { stale, late, latePlain, silent, inFlight, hit, callees } = signs;
    const verdict = judgeStorm(
      { stale, late, silent, inFlight, hit, callees: callees.callees, cameBack: recalled.cameBack },
      recalled.state,
      this.#options,
      { nowUs, stuckAfterMs, gaps, force },
    );
    return { ...verdict, stale, late, latePlain, silent, inFlight, callees: callees.top, unpublished: null };
  }

  /** Nothing could be counted: marks one row per sweep, or everything when forced. */
  #judgeBlindly({ judgement, recalled, force }: StormQuestion): StormReading {
    const { state: before } = recalled;
    if (force)
      return { action: 'sweep', state: before, released: before.heldSinceUs === null ? null : 'forced', ...nothing };
    const again = before.releasedAtUs !== null;
    const state = again ? before : { ...before, releasedAtUs: judgement.nowUs, releasedWhy: 'max_hold' as const };
    return { action: 'trickle', state, released: again ? null : 'max_hold', ...nothing };
  }

  #heldTooLong({ judgement, recalled }: StormQuestion): boolean {
    const { heldSinceUs } = recalled.state;
    if (heldSinceUs === null) return false;
    const { nowUs, gaps } = judgement;
    return observedUsSince(heldSinceUs, nowUs, gaps) >= this.#options.maxHoldMs * MICROS_PER_MS;
  }

  async #keep(sweepId: string, question: StormQuestion, reading: StormReading): Promise<Unpublished | null> {
    const { nowUs, stuckAfterMs, horizon } = question.judgement;
    const action = question.isHeld ? 'hold' : reading.action;
    const { which, rows } = toWatch(
      { action, state: reading.state },
      { stale: reading.stale, late: reading.latePlain },
    );
    const lateUs = heardBeforeUs(ageBoundsUs(question.judgement, stuckAfterMs), WATCHED_FROM_BIN);
    const beforeUs = which === 'late' ? lateUs : horizon.atUs;
    const watched = rows > 0 ? { rows, beforeUs, atUs: nowUs } : null;
    const news = stormNews(question, reading, this.#options.maxHoldMs);
    return this.#memory.keep(sweepId, reading.state, watched, news);
  }
}
