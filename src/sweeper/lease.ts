import { Statement, wholeNumber } from '../db/positional-statement.ts';
import type { LedgerDb } from '../db/schema.ts';
import { type Micros, microsOf } from './instant.ts';
import type { SweeperTables } from './tables.ts';

/** What a sweep starts from, all read at one instant of the database's clock. */
export interface Opening {
  readonly nowUs: Micros;
  /** The sweep that has the lease. */
  readonly leaseId: string | null;
  /** Since when there are signs of a storm; null: none. `StormMemory` has the rest. */
  readonly stormSinceUs: Micros | null;
}

/**
 * The right to mark, in `sweeper_state.sweep_id`: the sweep that wrote it last has it, and any other ends at its next
 * batch. It never runs out; a sweep that died with it is followed by the next one.
 */
export class Lease {
  readonly #db: LedgerDb;
  readonly #open: Statement<OpeningRow>;
  readonly #look: Statement<OpeningRow>;

  constructor(db: LedgerDb, { sweeperState }: SweeperTables) {
    this.#db = db;
    const columns = `${wholeNumber(microsOf('clock_timestamp()'))} AS "nowUs", s.sweep_id AS "leaseId",
  ${wholeNumber(microsOf('coalesce(s.storm_held_since, s.storm_forming_since)'))} AS "stormSinceUs"`;
    this.#open = new Statement(`UPDATE ${sweeperState} s SET sweep_id = $1 WHERE singleton RETURNING ${columns}`);
    this.#look = new Statement(`SELECT ${columns} FROM ${sweeperState} s WHERE singleton`);
  }

  /** Takes the lease and reads the clock. */
  async open(sweepId: string): Promise<Opening> {
    return opening(await this.#open.run(this.#db, [sweepId]));
  }

  /** The same without the lease: for a sweep that is not to mark. */
  async look(): Promise<Opening> {
    return opening(await this.#look.run(this.#db, []));
  }
}

interface OpeningRow {
  nowUs: Micros;
  leaseId: string | null;
  stormSinceUs: Micros | null;
}

function opening([row]: OpeningRow[]): Opening {
  const { nowUs, leaseId, stormSinceUs } = stateRow(row);
  return { nowUs, leaseId, stormSinceUs };
}

/** @throws when sweeper_state has lost its row. */
export function stateRow<Row>(row: Row | undefined): Row {
  if (!row)
    throw new Error('sweeper_state has lost its one row; run `migrate up` on a fresh schema, or insert it again');
  return row;
}
