import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import { type Observation, STEP_MIN_US } from '../horizon.ts';
import type { SweeperTables } from '../tables.ts';
import { lostStampsStatement } from './statements/lost-stamps.ts';

/** Delegations named in one `sweep.stamps_taken_back`. */
const NAMED_MAX = 20;
/** The sweep waits at most this long for it, and continues without it after that. */
const LIMIT_MS = 5_000;

/**
 * Gives a heartbeat of now to delegations that no horizon would ever reach: in progress without a heartbeat, or with one
 * from the future. The database's trigger prevents both, but logical replication and disabled triggers bypass it. Emits
 * sweep.stamps_taken_back.
 */
export class LostStamps {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #takeBack: ReturnType<typeof lostStampsStatement>;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog) {
    this.#db = db;
    this.#log = log;
    this.#takeBack = lostStampsStatement(tables);
  }

  /** While the clock is behind that of the reading or the last beat it leaves stamps from the future alone. @throws the database's error. */
  async takeBack(sweepId: string, { nowUs, beatAtUs }: Pick<Observation, 'nowUs' | 'beatAtUs'>): Promise<void> {
    const notBefore = Math.max(nowUs, beatAtUs ?? nowUs) - STEP_MIN_US;
    const rows = await limited(this.#db, LIMIT_MS, (session) => this.#takeBack.run(session, { notBefore }));
    if (rows.length === 0) return;
    const delegationIds = rows.slice(0, NAMED_MAX).map(({ delegationId }) => delegationId);
    this.#log.emit('sweep.stamps_taken_back', { sweepId, count: rows.length, delegationIds });
  }
}
