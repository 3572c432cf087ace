import { openStatuses, type Status, sourcesOf } from '../../ledger/transitions.ts';

/** Open delegations that are counted at most, at about 1.5 microseconds each. */
export const CENSUS_ROWS_MAX = 1_000_000;

/** Silence is counted in so many parts of the threshold; one more bin holds what is at or past it. */
export const SILENCE_BINS = 10;

/** The open delegations, counted one by one. Finished ones are never counted. */
export interface Census {
  readonly at: Date;
  readonly byStatus: Readonly<Record<string, number>>;
  /** There are more than were counted: the figures are those of the first million by deadline. */
  readonly capped: boolean;
  /**
   * Delegations in progress that do not wait, by silence, in tenths of each one's own threshold; the last is at or past it.
   */
  readonly silence: readonly number[];
  /** Those that wait, of any status. */
  readonly waiting: number;
  /** The longest of these waits so far; null when none waits. */
  readonly longestWaitMs: number | null;
  /** Those with a threshold of their own. */
  readonly ownThreshold: number;
}

export interface CensusRow {
  readonly at: Date;
  readonly status: Status;
  readonly waiting: boolean;
  readonly bin: number | null;
  readonly count: number;
  readonly ownThreshold: number;
  readonly longestWaitMs: number | null;
}

/** Pure: the census from what its statement counted. `now`: for an empty ledger. */
export function censusOf(rows: readonly CensusRow[], now: Date, rowsMax = CENSUS_ROWS_MAX): Census {
  const byStatus: Record<string, number> = Object.fromEntries(openStatuses.map((status) => [status, 0]));
  const silence = Array.from({ length: SILENCE_BINS + 1 }, () => 0);
  const watched = sourcesOf('stuck');
  const sum = (of: (row: CensusRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  for (const { status, bin, count } of rows) {
    byStatus[status] = (byStatus[status] ?? 0) + count;
    if (watched.includes(status) && bin !== null) silence[bin]! += count;
  }
  const waits = rows.flatMap(({ longestWaitMs }) => longestWaitMs ?? []);
  return {
    at: rows[0]?.at ?? now,
    byStatus,
    capped: sum(({ count }) => count) >= rowsMax,
    silence,
    waiting: sum(({ waiting, count }) => (waiting ? count : 0)),
    longestWaitMs: waits.length === 0 ? null : Math.max(...waits),
    ownThreshold: sum(({ ownThreshold }) => ownThreshold),
  };
}
