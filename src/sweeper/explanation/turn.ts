import type { LedgerDb } from '../../db/schema.ts';
import { isTimeout } from '../../db/sqlstate.ts';
import { type Forecast, Forecasting, type RuleForecast } from '../forecast.ts';
import type { Micros } from '../instant.ts';
import type { Opening } from '../opening.ts';
import { type Place, placeBeforeAll } from '../pass/place.ts';
import { infersSilence, type Rule, rules } from '../pass/rules.ts';
import { rangeValues } from '../pass/statements/places.ts';
import { nothingChosen } from '../probe/choice.ts';
import { SuspectChoice } from '../probe/suspect-choice.ts';
import { StormWatch } from '../storm/storm-watch.ts';
import type { SweeperOptions } from '../sweeper-options.ts';
import type { SweeperTables } from '../tables.ts';
import type { Judgement } from '../threshold/staleness.ts';
import type { NextSweep } from './next-sweep.ts';
import { type JudgedRow, judgedRowStatement } from './statements/judged-row.ts';
import { rankStatement } from './statements/rank.ts';

/** How a sweep that began now would come to a delegation. */
export interface Turn {
  /** Null: it matches no rule about silence, or the storm guard's count took too long. */
  readonly forecast: Forecast | null;
  /** It matches the rule `stalled`, and is given time to be heard. */
  readonly isGivenTime: boolean;
  readonly budget: NextSweep['budget'];
}

const noTurn: Turn = { forecast: null, isGivenTime: false, budget: null };

/** Later than every special row that a rule can match. */
const placeAfterAll = (suspectUs: Micros): Place => ({ keyUs: suspectUs, delegationId: '' });

/**
 * Reads how a sweep would come to a delegation, by the storm guard, the budget and the choice of agents of the sweep itself.
 * Of one that matches no rule it reads nothing.
 */
export class Turns {
  readonly #tables: SweeperTables;
  readonly #options: SweeperOptions;
  readonly #row: ReturnType<typeof judgedRowStatement>;
  readonly #ranks: ReadonlyMap<Rule, ReturnType<typeof rankStatement>>;

  constructor(tables: SweeperTables, options: SweeperOptions) {
    this.#tables = tables;
    this.#options = options;
    this.#row = judgedRowStatement(tables);
    const tasks = (rule: Rule) => options.probe !== undefined && infersSilence(rule);
    this.#ranks = new Map(rules.map((rule) => [rule, rankStatement(tables, rule, { tasks: tasks(rule) })]));
  }

  /**
   * In a transaction that only reads; it may be aborted afterwards, when a count took too long.
   * @throws the database's error.
   */
  async read(db: LedgerDb, row: JudgedRow, judgement: Judgement, opening: Opening): Promise<Turn> {
    const rule = rules.find(({ scan }) => row.matches.includes(scan));
    if (rule === undefined) return noTurn;
    try {
      if (!infersSilence(rule)) {
        const plain = { staleness: judgement.staleness, rowsMax: this.#options.rowsMax, chosen: nothingChosen };
        return { ...noTurn, budget: await this.#budget(db, row, rule, judgement, plain) };
      }
      const forecast = await this.#forecast(db, judgement, opening);
      const by = forecast.rules[rule.name];
      const isGivenTime = rule.name === 'stalled' && !(await this.#stillMatches(db, row, rule, judgement, by));
      const budget = forecast.held ? null : await this.#budget(db, row, rule, judgement, by);
      return { forecast, isGivenTime, budget };
    } catch (err) {
      if (!isTimeout(err)) throw err;
      return noTurn;
    }
  }

  #forecast(db: LedgerDb, judgement: Judgement, opening: Opening): Promise<Forecast> {
    const { probe, storm } = this.#options;
    const choose = probe && new SuspectChoice(db, this.#tables, probe).choosing(judgement.nowUs, 'sparing', false);
    const storms = new StormWatch(db, this.#tables, storm);
    return new Forecasting(db, this.#tables, this.#options, storms).read(opening, judgement, choose ?? null);
  }

  /** By the staleness that the rule is applied with, which may give a stalled row time. */
  async #stillMatches(
    db: LedgerDb,
    { delegationId }: JudgedRow,
    { scan }: Rule,
    { nowUs, staleness: before }: Judgement,
    { staleness }: RuleForecast,
  ): Promise<boolean> {
    if (staleness === before) return true;
    const [again] = await this.#row.run(db, { now: nowUs, staleness, delegationId });
    return again?.matches.includes(scan) ?? false;
  }

  /** How many rows come before it, of those that the rule may mark. */
  async #budget(
    db: LedgerDb,
    row: JudgedRow,
    rule: Rule,
    { nowUs }: Judgement,
    { staleness, rowsMax, chosen }: RuleForecast,
  ): Promise<NextSweep['budget']> {
    const allowed = rowsMax - chosen.refused.length - chosen.asked.length;
    const count = async (scan: Rule, upTo: Place) => {
      const range = rangeValues({ after: placeBeforeAll, upTo, rows: 0, ids: null });
      const values = { now: nowUs, staleness, ...range, rowsMax: Math.max(0, allowed) + 1 };
      return (await this.#ranks.get(scan)!.run(db, values))[0]!.rows;
    };
    const place = { keyUs: keyOf(row, rule), delegationId: row.delegationId };
    const own = Math.max(0, (await count(rule, place)) - 1);
    // All scans of a rule share its budget, in their order.
    const earlier = rules.slice(0, rules.indexOf(rule)).filter(({ name }) => name === rule.name);
    const others = await Promise.all(earlier.map((scan) => count(scan, placeAfterAll(staleness.suspectUs))));
    return { ahead: others.reduce((sum, rows) => sum + rows, own), allowed };
  }
}

/** Its place in the order of a rule that it matches. */
function keyOf(row: JudgedRow, { key }: Rule): Micros {
  const keys = { deadline: row.deadlineUs, heartbeat_bucket: row.heartbeatBucketUs, suspect_at: row.suspectAtUs };
  return keys[key] ?? Number.NEGATIVE_INFINITY;
}
