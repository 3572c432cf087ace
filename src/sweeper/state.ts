import type { LedgerDb } from '../db/schema.ts';
import { Statement, wholeNumber } from '../db/statement.ts';
import { type Micros, microsOf, timestampOf } from './instant.ts';
import { Lease, type Opening, stateRow } from './lease.ts';
import type { Gap } from './observed-time/horizon.ts';
import type { StormState } from './storm/storm-guard.ts';
import type { SweeperTables } from './tables.ts';

/**
 * What the sweeper keeps in the database between sweeps, for all replicas. One row:
 *
 * - `beat_at`, `stuck_after_ms`: the daemons' last beat, and the threshold they run with;
 * - `sweep_id`: the lease. The sweep that wrote it last may mark; any other ends at its next batch;
 * - `swept_at`: when a sweep, by any replica, last went through;
 * - `storm_held_since`, `storm_released_at`: the storm guard's memory.
 */
export class SweeperState {
  readonly #db: LedgerDb;
  readonly #lease: Lease;
  readonly #beat: Statement<BeatRow>;
  readonly #storm: Statement<never>;
  readonly #pruneGaps: Statement<never>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    const { sweeperState, gaps } = tables;
    this.#db = db;
    this.#lease = new Lease(db, tables);
    this.#beat = new Statement(`
WITH before AS MATERIALIZED (SELECT beat_at FROM ${sweeperState} WHERE singleton FOR UPDATE),
-- After the lock: of two daemons that come back at once, one records the gap and the other finds it closed.
tick AS MATERIALIZED (SELECT beat_at, clock_timestamp() AS now FROM before),
gap AS (
  INSERT INTO ${gaps} (gap_start, gap_end)
  SELECT beat_at, now FROM tick WHERE beat_at < now - $2::float8 * interval '1 millisecond'
  RETURNING gap_start, gap_end),
beaten AS (UPDATE ${sweeperState} SET beat_at = now, stuck_after_ms = $1::bigint FROM tick WHERE singleton)
SELECT ${wholeNumber(microsOf('tick.now'))} AS "nowUs", ${wholeNumber(microsOf('gap.gap_start'))} AS "startUs", ${wholeNumber(microsOf('gap.gap_end'))} AS "endUs"
FROM tick LEFT JOIN gap ON true`);
    this.#storm = new Statement(`
UPDATE ${sweeperState} SET storm_held_since = ${timestampOf('$1')}, storm_released_at = ${timestampOf('$2')}
WHERE singleton`);
    this.#pruneGaps = new Statement(`DELETE FROM ${gaps} WHERE gap_end <= ${timestampOf('$1')}`);
  }

  async look(): Promise<Opening> {
    return this.#lease.look();
  }

  /**
   * Leaves a beat, and records the gap since the one before when it is longer than `gapAfterMs`.
   * Returns that gap, or null, and the database's clock.
   */
  async beat(stuckAfterMs: number, gapAfterMs: number): Promise<{ nowUs: Micros; gap: Gap | null }> {
    const [row] = await this.#beat.run(this.#db, [stuckAfterMs, gapAfterMs]);
    const { nowUs, startUs, endUs } = stateRow(row);
    return { nowUs, gap: startUs === null || endUs === null ? null : { startUs, endUs } };
  }

  async keepStorm({ heldSinceUs, releasedAtUs }: StormState): Promise<void> {
    await this.#storm.run(this.#db, [heldSinceUs, releasedAtUs]);
  }

  /** Forgets the gaps that ended before any horizon can reach. */
  async pruneGaps(beforeUs: Micros): Promise<void> {
    await this.#pruneGaps.run(this.#db, [beforeUs]);
  }
}

interface BeatRow {
  nowUs: Micros;
  startUs: Micros | null;
  endUs: Micros | null;
}
