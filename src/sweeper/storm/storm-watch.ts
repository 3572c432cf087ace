import type { LedgerDb } from '../../db/schema.ts';
import type { Statement } from '../../db/statement.ts';
import type { Micros } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import {
  type CalleeCount,
  inFlightStatement,
  type StaleCount,
  staleAtLeastStatement,
  staleCountStatement,
} from './probe.ts';
import {
  inFlightCountMax,
  judgeStorm,
  looksLikeStorm,
  type StormOptions,
  type StormState,
  type StormVerdict,
} from './storm-guard.ts';

export interface StormReading extends StormVerdict {
  readonly stale: number;
  readonly inFlight: number;
  readonly callees: readonly CalleeCount[];
}

interface RowBudget {
  readonly rowsMax: number;
  readonly batchRowsMax: number;
}

const quiet = { stale: 0, inFlight: 0, callees: [] };

/** Counts for the storm guard, no more than its decision needs: in the idle case, one index probe. */
export class StormWatch {
  readonly #db: LedgerDb;
  readonly #options: StormOptions;
  readonly #staleAtLeast: Statement<{ reached: boolean }>;
  readonly #staleCount: Statement<StaleCount>;
  readonly #inFlight: Statement<{ inFlight: number }>;

  constructor(db: LedgerDb, tables: SweeperTables, options: StormOptions) {
    this.#db = db;
    this.#options = options;
    this.#staleAtLeast = staleAtLeastStatement(tables);
    this.#staleCount = staleCountStatement(tables);
    this.#inFlight = inFlightStatement(tables);
  }

  /** What the verdict lets a sweep mark stale. */
  rowsAllowed({ action }: StormVerdict, { rowsMax, batchRowsMax }: RowBudget): number {
    return { sweep: rowsMax, hold: 0, trickle: Math.min(rowsMax, batchRowsMax) }[action];
  }

  async read(nowUs: Micros, staleness: Staleness, state: StormState, force: boolean): Promise<StormReading> {
    const options = this.#options;
    const judge = (storm: boolean) => judgeStorm(storm, state, options, nowUs, force);
    if (options.ratio === 0) return { ...judge(false), ...quiet };
    const minStale = Math.max(1, options.minStale);
    const [probe] = await this.#staleAtLeast.run(this.#db, [nowUs, staleness, minStale]);
    if (!probe!.reached) return { ...judge(false), ...quiet };
    const { stale, callees, top } = (await this.#staleCount.run(this.#db, [nowUs, staleness]))[0]!;
    const countMax = inFlightCountMax(stale, options.ratio);
    const { inFlight } = (await this.#inFlight.run(this.#db, [countMax]))[0]!;
    const storm = looksLikeStorm({ stale, callees, inFlight }, options);
    return { ...judge(storm), stale, inFlight, callees: top };
  }
}
