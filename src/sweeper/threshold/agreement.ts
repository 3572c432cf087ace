import { Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { microsOf, timestampOf } from '../instant.ts';
import { isPresent } from '../observed-time/present-daemons.ts';
import type { SweeperTables } from '../tables.ts';

/** What an agent paces itself by that has never been told a threshold: the documented default of STUCK_AFTER, in ms. */
export const UNTOLD_THRESHOLD_MS = 600_000;

interface AgreedRow {
  readonly inForceMs: number;
  readonly loweredAtUs: number | null;
}

/**
 * The threshold that all daemons judge by: the longest among those that have beaten of late. Kept in sweeper_threshold,
 * which changes only when the threshold does, since every heartbeat reads it; and in sweeper_state, where a library of
 * version 0.1.0 reads it, and where a daemon of 0.1.0 writes its own.
 */
export class Agreement {
  readonly #db: LedgerDb;
  readonly #lock: Statement<never>;
  readonly #agree: Statement<AgreedRow>;
  readonly #date: Statement<never>;

  constructor(db: LedgerDb, { sweeperState, sweeperThreshold, lowerings, daemons }: SweeperTables) {
    this.#db = db;
    this.#lock = new Statement(`SELECT FROM ${sweeperState} WHERE singleton FOR UPDATE`);
    // A lowering from a longer threshold takes the place of those before it, so that there are never more of them than
    // there have been thresholds.
    this.#agree = new Statement(`
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
agreed AS MATERIALIZED (
  SELECT greatest($2::bigint, max(d.stuck_after_ms)) AS ms FROM clock LEFT JOIN ${daemons} d
  ON d.daemon_id <> $1 AND ${isPresent('clock.now')}),
previous AS MATERIALIZED (
  SELECT coalesce(greatest(t.stuck_after_ms, s.stuck_after_ms), ${UNTOLD_THRESHOLD_MS}) AS ms
  FROM ${sweeperState} s LEFT JOIN ${sweeperThreshold} t ON t.singleton WHERE s.singleton),
lowering AS MATERIALIZED (
  SELECT clock.now, previous.ms FROM clock, previous, agreed WHERE agreed.ms < previous.ms),
replaced AS (DELETE FROM ${lowerings} l USING lowering WHERE l.stuck_after_ms <= lowering.ms),
lowered AS (INSERT INTO ${lowerings} (lowered_at, stuck_after_ms) SELECT now, ms FROM lowering),
kept AS (
  UPDATE ${sweeperThreshold} t SET stuck_after_ms = agreed.ms FROM agreed
  WHERE t.singleton AND t.stuck_after_ms IS DISTINCT FROM agreed.ms),
shown AS (
  UPDATE ${sweeperState} s SET stuck_after_ms = agreed.ms FROM agreed
  WHERE s.singleton AND s.stuck_after_ms IS DISTINCT FROM agreed.ms)
SELECT ${wholeNumber('agreed.ms')} AS "inForceMs", ${wholeNumber(microsOf('lowering.now'))} AS "loweredAtUs"
FROM agreed LEFT JOIN lowering ON true`);
    this.#date = new Statement(`
UPDATE ${lowerings} SET lowered_at = clock_timestamp() WHERE lowered_at = ${timestampOf('$1')}`);
  }

  /** Returns the threshold in force from now on, in ms. @throws the database's error. */
  async reach(daemonId: string, stuckAfterMs: number): Promise<number> {
    const { inForceMs, loweredAtUs } = await this.#db.transaction().execute(async (transaction) => {
      // In a statement of its own: what the others have committed meanwhile is seen by the next one.
      await this.#lock.run(transaction, []);
      return (await this.#agree.run(transaction, [daemonId, stuckAfterMs]))[0]!;
    });
    // A heartbeat that was stamped before the commit was answered with the old threshold: it counts as before.
    if (loweredAtUs !== null) await this.#date.run(this.#db, [loweredAtUs]);
    return inForceMs;
  }
}
