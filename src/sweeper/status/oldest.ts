import { microsOf } from '../../db/instant.ts';
import { isOneOf, Statement, wholeNumber } from '../../db/positional-statement.ts';
import { sourcesOf } from '../../ledger/transitions.ts';
import type { SweeperTables } from '../tables.ts';

/** Rows of the oldest bucket that are looked at for the longest silence: exact to the bucket's five minutes beyond. */
const BUCKET_ROWS_MAX = 1000;

export interface Oldest {
  /** The longest silence among delegations in progress, by the clock; null when none is. */
  readonly silenceMs: number | null;
  /** How long the most overdue delegation that is still open has been so; 0 when none is. */
  readonly overdueMs: number;
}

/** The first entries of the two indexes that a sweep uses, too. */
export function oldestStatement({ delegations }: SweeperTables): Statement<Oldest> {
  // Not below zero, when a row's instant is later than this statement's clock.
  // In whole numbers: an interval since infinity, which an older ledger may hold, would raise.
  const since = (instant: string) => `greatest(0, (${microsOf('clock_timestamp()')} - ${microsOf(instant)}) / 1000)`;
  return new Statement(`
SELECT
  (SELECT ${wholeNumber(`max(${since('o.last_heartbeat')})`)}
   FROM (SELECT d.last_heartbeat FROM ${delegations} d WHERE ${isOneOf('d.status', sourcesOf('stuck'))}
         ORDER BY d.heartbeat_bucket, d.delegation_id LIMIT ${BUCKET_ROWS_MAX}) o) AS "silenceMs",
  ${wholeNumber(`coalesce((SELECT ${since('d.deadline')} FROM ${delegations} d WHERE d.finished_at IS NULL
            ORDER BY d.deadline, d.delegation_id LIMIT 1), 0)`)} AS "overdueMs"`);
}
