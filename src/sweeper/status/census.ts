import { instant, Statement, wholeNumber } from '../../db/positional-statement.ts';
import { openStatuses, type Status, sourcesOf } from '../../ledger/transitions.ts';
import type { SweeperTables } from '../tables.ts';

/** Open delegations that are counted at most; at a microsecond and a half each. */
export const CENSUS_ROWS_MAX = 1_000_000;

/** Parts of the threshold by which silence is counted; one more has what is past it. */
export const SILENCE_BINS = 10;

/** The open delegations, counted one by one. The history is never counted. */
export interface Census {
  readonly at: Date;
  readonly byStatus: Readonly<Record<string, number>>;
  /** There are more than were counted: the figures are those of the first million by deadline. */
  readonly capped: boolean;
  /** Delegations in progress by silence, in tenths of the threshold; the last is at or past it. */
  readonly silence: readonly number[];
}

export interface CensusRow {
  readonly at: Date;
  readonly status: Status;
  readonly bin: number | null;
  readonly count: number;
}

/** Along the index of open deadlines. Parameter: $1 threshold in ms. */
export function censusStatement({ delegations }: SweeperTables, rowsMax = CENSUS_ROWS_MAX): Statement<CensusRow> {
  // An interval since infinity, which an older ledger may hold, would raise.
  const silenceMs = `CASE WHEN isfinite(o.last_heartbeat) THEN extract(epoch FROM clock.now - o.last_heartbeat)::float8 * 1000 END`;
  return new Statement(
    `
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)
SELECT ${instant('clock.now')} AS "at", o.status AS "status",
  least(${SILENCE_BINS}, greatest(0, floor(${silenceMs} / $1::float8 * ${SILENCE_BINS})))::int AS "bin",
  ${wholeNumber('count(*)')} AS "count"
FROM clock, (
  SELECT d.status, d.last_heartbeat FROM ${delegations} d WHERE d.finished_at IS NULL
  ORDER BY d.deadline, d.delegation_id LIMIT ${rowsMax}) o
GROUP BY clock.now, 2, 3`,
    ['at'],
  );
}

export function censusOf(rows: readonly CensusRow[], now: Date, rowsMax = CENSUS_ROWS_MAX): Census {
  const byStatus: Record<string, number> = Object.fromEntries(openStatuses.map((status) => [status, 0]));
  const silence = Array.from({ length: SILENCE_BINS + 1 }, () => 0);
  const watched = sourcesOf('stuck');
  let counted = 0;
  for (const { status, bin, count } of rows) {
    counted += count;
    byStatus[status] = (byStatus[status] ?? 0) + count;
    if (watched.includes(status) && bin !== null) silence[bin]! += count;
  }
  return { at: rows[0]?.at ?? now, byStatus, capped: counted >= rowsMax, silence };
}
