import { Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { type Micros, microsOf } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';
import type { Observed } from '../threshold/staleness.ts';
import type { Beat } from './beat.ts';
import { gapsColumn } from './beats.ts';
import { type Refusal, type RefusalSigns, refusalColumns, refusalOf } from './refusal.ts';

interface Row extends Observed, RefusalSigns {
  readonly ownBeatAtUs: Micros | null;
}

/** What a sweep judges by. */
export interface Reading extends Observed {
  /** Why nobody's silence may be judged here; null: nothing stands against it. */
  readonly refusal: Refusal | null;
}

/** Reads what a sweep judges by: the clock, the beats and gaps, and the threshold in force, at one instant. */
export class ObservedTime {
  readonly #db: LedgerDb;
  readonly #beat: Beat | undefined;
  readonly #read: Statement<Row>;

  /** `beat`: this process's own, in a daemon. */
  constructor(db: LedgerDb, tables: SweeperTables, beat?: Beat) {
    const { sweeperState, sweeperThreshold, lowerings, daemons } = tables;
    this.#db = db;
    this.#beat = beat;
    this.#read = new Statement(`
SELECT ${wholeNumber(microsOf('clock_timestamp()'))} AS "nowUs", ${wholeNumber(microsOf('s.beat_at'))} AS "beatAtUs",
  ${gapsColumn(tables)} AS "gaps",
  ${wholeNumber('greatest(t.stuck_after_ms, s.stuck_after_ms)')} AS "inForceMs",
  coalesce((SELECT json_agg(json_build_object('loweredAtUs', ${microsOf('lowered_at')}, 'stuckAfterMs', stuck_after_ms))
            FROM ${lowerings}), '[]') AS "lowerings",
  (SELECT ${wholeNumber(microsOf('d.beat_at'))} FROM ${daemons} d WHERE d.daemon_id = $1) AS "ownBeatAtUs",
  ${refusalColumns(tables)}
FROM ${sweeperState} s LEFT JOIN ${sweeperThreshold} t ON t.singleton WHERE s.singleton`);
  }

  /**
   * What this process finds surprising, a clock that leapt or a database that went back, is recorded first, by a beat.
   * @throws the database's error.
   */
  async read(): Promise<Reading> {
    const beat = this.#beat;
    if (beat === undefined) return readingOf(await this.#row(null));
    const sentAtMs = beat.now();
    const row = await this.#row(beat.daemonId);
    const reading = { databaseUs: row.nowUs, sentAtMs, heardAtMs: beat.now() };
    if (!beat.isSurprisedBy(reading, row.ownBeatAtUs)) return readingOf(row);
    await beat.leave();
    return readingOf(await this.#row(beat.daemonId));
  }

  async #row(daemonId: string | null): Promise<Row> {
    const [row] = await this.#read.run(this.#db, [daemonId]);
    if (!row) throw new Error('sweeper_state has lost its one row; insert it again');
    return row;
  }
}

function readingOf(row: Row): Reading {
  const { nowUs, beatAtUs, gaps, inForceMs, lowerings } = row;
  return { nowUs, beatAtUs, gaps, inForceMs, lowerings, refusal: refusalOf(row) };
}
