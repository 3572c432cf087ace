import type { LedgerDb } from '../db/schema.ts';
import type { Opening } from './opening.ts';
import { infersSilence, type RuleName, rules } from './pass/rules.ts';
import { type Choice, nothingChosen } from './probe/choice.ts';
import type { Choose } from './probe/suspect-choice.ts';
import { StalledGuard } from './storm/stalled-guard.ts';
import type { StormReading } from './storm/storm-reading.ts';
import type { StormWatch } from './storm/storm-watch.ts';
import type { SweeperOptions } from './sweeper-options.ts';
import type { SweeperTables } from './tables.ts';
import type { Judgement, Staleness } from './threshold/staleness.ts';

/** How a sweep would apply one rule. */
export interface RuleForecast {
  readonly staleness: Staleness;
  /** Rows that it may mark. */
  readonly rowsMax: number;
  /** What becomes of the suspects that are A2A tasks. */
  readonly chosen: Choice;
}

/** How a sweep would apply its rules. */
export interface Forecast {
  readonly storm: StormReading;
  /** The rules that infer silence are held. */
  readonly held: boolean;
  /** Who holds them; where both do, the operator. */
  readonly heldBy: 'storm' | 'operator' | null;
  readonly rules: Readonly<Record<RuleName, RuleForecast>>;
}

/**
 * How a sweep that began now would apply its rules: by the storm guard, the budget, and the agents that it would ask. It
 * reads, and changes nothing. What names rows without marking them (the dry run, an explanation) judges by it.
 */
export class Forecasting {
  readonly #options: SweeperOptions;
  readonly #storms: StormWatch;
  readonly #stalledGuard: StalledGuard;

  constructor(db: LedgerDb, tables: SweeperTables, options: SweeperOptions, storms: StormWatch) {
    this.#options = options;
    this.#storms = storms;
    this.#stalledGuard = new StalledGuard(db, tables, options.storm);
  }

  /** `choose`: null where no agent is asked. @throws the database's error. */
  async read(
    opening: Pick<Opening, 'stormSinceUs' | 'isHeld'>,
    judgement: Judgement,
    choose: Choose | null,
    force = false,
  ): Promise<Forecast> {
    const { rowsMax } = this.#options;
    const { staleness } = judgement;
    const recalled = await this.#storms.recall(opening.stormSinceUs, staleness);
    const isHeld = opening.isHeld && !force;
    const storm = await this.#storms.read({ sweepId: null, judgement, recalled, force, isHeld });
    const held = storm.action === 'hold' || isHeld;
    const rule = async (name: RuleName, by: Staleness, allowed: number): Promise<RuleForecast> => {
      const scans = rules.filter((scan) => scan.name === name && infersSilence(scan));
      const chosen = (await choose?.(scans, by, allowed)) ?? nothingChosen;
      return { staleness: by, rowsMax: allowed, chosen };
    };
    const overdue = await rule('overdue', staleness, rowsMax);
    const stale = await rule('stale', staleness, held ? 0 : this.#storms.rowsAllowed(storm, this.#options));
    const guarded = await this.#stalledGuard.staleness(judgement, force);
    const stalled = await rule('stalled', guarded, held ? 0 : rowsMax);
    const heldBy = isHeld ? 'operator' : held ? 'storm' : null;
    return { storm, held, heldBy, rules: { overdue, stale, stalled } };
  }
}
