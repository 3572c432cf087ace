import { boundedRead } from '../../db/bounded-read.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { SweeperTables } from '../tables.ts';
import type { Judgement, Staleness } from '../threshold/staleness.ts';
import { anyStalledStatement } from './statements/any-stalled.ts';
import { stalledFleetStatement } from './statements/stalled-fleet.ts';
import { CALLEES_MIN, type StormOptions } from './storm-guard.ts';

/** Limit of the count on the server. */
const COUNT_TIMEOUT_MS = 5_000;

/**
 * Keeps an outage of the database or the network from looking like lack of progress: neither heartbeats nor progress
 * arrive, and a row's own `stalled_after_ms` may pass long before its agent counts as silent and the storm guard sees it.
 *
 * A heartbeat after a row came due proves that its agent is connected and has no progress to report: such a row is marked at
 * once. One that was not heard since then has STORM_MAX_HOLD to be heard, as long as enough delegations may be stalled for
 * a storm; after that it is marked, unless the stale rule has marked it before.
 */
export class StalledGuard {
  readonly #db: LedgerDb;
  readonly #options: StormOptions;
  readonly #any: ReturnType<typeof anyStalledStatement>;
  readonly #fleet: ReturnType<typeof stalledFleetStatement>;

  constructor(db: LedgerDb, tables: SweeperTables, options: StormOptions) {
    this.#db = db;
    this.#options = options;
    this.#any = anyStalledStatement(tables);
    this.#fleet = stalledFleetStatement(tables);
  }

  /** What the rule `stalled` judges by. One index probe when no row has come due. @throws the database's error. */
  async staleness({ nowUs, staleness }: Judgement, force: boolean): Promise<Staleness> {
    const { ratio, minStale, minCallees = CALLEES_MIN, maxHoldMs } = this.#options;
    if (ratio === 0 || force) return staleness;
    if (!(await this.#any.run(this.#db, { now: nowUs, staleness }))[0]!.any) return staleness;
    const fleet = await boundedRead(this.#db, COUNT_TIMEOUT_MS, (db) => this.#fleet.run(db, {}));
    const { rows, callees, isAll } = fleet[0]!;
    const isFew = isAll && (rows < minStale || callees < minCallees);
    return isFew ? staleness : { ...staleness, unheardMs: maxHoldMs };
  }
}
