import type { LedgerDb } from '../../db/schema.ts';
import type { Micros } from '../instant.ts';
import { stateRow } from '../state-row.ts';
import type { SweeperTables } from '../tables.ts';
import type { Observed } from '../threshold/staleness.ts';
import type { Beat } from './beat.ts';
import { type Refusal, type RefusalSigns, refusalOf } from './refusal.ts';
import { readingStatement } from './statements/reading.ts';

interface Row extends Observed, RefusalSigns {
  readonly ownBeatAtUs: Micros | null;
}

/** What a sweep judges by. */
export interface Reading extends Observed {
  /** Why silence cannot be judged here; null: it can. */
  readonly refusal: Refusal | null;
  /** A lowering is left without its instant: the daemon that agreed on it stopped before it could set it. */
  readonly hasUndated: boolean;
}

/** Reads what a sweep judges by: the clock, the beats and gaps, and the threshold in force, at one instant. */
export class ObservedTime {
  readonly #db: LedgerDb;
  readonly #beat: Beat | undefined;
  readonly #read: ReturnType<typeof readingStatement>;

  /** `beat`: this process's own, in a daemon. */
  constructor(db: LedgerDb, tables: SweeperTables, beat?: Beat) {
    this.#db = db;
    this.#beat = beat;
    this.#read = readingStatement(tables);
  }

  /**
   * When the clock jumped or the database was rewound since this process last read it, leaves a beat first, which
   * records that.
   * @throws the database's error.
   */
  async read(): Promise<Reading> {
    const beat = this.#beat;
    if (beat === undefined) return readingOf(await this.#row(null));
    const sentAtMs = beat.now();
    const row = await this.#row(beat.daemonId);
    const reading = { databaseUs: row.nowUs, sentAtMs, heardAtMs: beat.now() };
    if (!beat.isContradictedBy(reading, row.ownBeatAtUs)) return readingOf(row);
    await beat.leave();
    return readingOf(await this.#row(beat.daemonId));
  }

  async #row(daemonId: string | null): Promise<Row> {
    return stateRow((await this.#read.run(this.#db, { daemonId }))[0]);
  }
}

function readingOf(row: Row): Reading {
  const { nowUs, beatAtUs, gaps, inForceMs, lowerings } = row;
  const hasUndated = lowerings.some(({ loweredAtUs }) => loweredAtUs > nowUs);
  return { nowUs, beatAtUs, gaps, inForceMs, lowerings, refusal: refusalOf(row), hasUndated };
}
