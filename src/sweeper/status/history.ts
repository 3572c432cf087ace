import { instant, Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { CalleeCount } from '../callee-count.ts';
import type { MarkRecord } from '../pass/evidence.ts';
import type { SweeperTables } from '../tables.ts';

/** Width of a bar in the picture of a day: 96 of them. */
export const HISTORY_BIN_MINUTES = 15;

const MARKS_MAX = 10;
const CALLEES_MAX = 5;
/** Sweeps looked at, newest first: a day's, at one a minute, with room for those that were asked for. */
const SWEEPS_MAX = 3000;
const GAPS_MAX = 100;

export interface SweepBin {
  /** When the quarter of an hour began. */
  readonly at: Date;
  readonly sweeps: number;
  readonly stuck: number;
  readonly failed: number;
  readonly durationMaxMs: number;
  readonly held: boolean;
}

export interface Mark extends MarkRecord {
  /** When its sweep began. */
  readonly at: Date;
}

/** The last day as the sweeps recorded it. */
export interface History {
  readonly bins: readonly SweepBin[];
  /** The latest marks, newest first. */
  readonly marks: readonly Mark[];
  /** The callees with most delegations marked stuck, of the five that each sweep named. */
  readonly callees: readonly CalleeCount[];
  readonly gaps: readonly { readonly start: Date; readonly end: Date }[];
}

/** Reads a day's sweeps, not its delegations. */
export function historyStatements({ sweeps, gaps }: SweeperTables) {
  const day = `(SELECT * FROM ${sweeps} WHERE started_at >= clock_timestamp() - interval '1 day'
  ORDER BY started_at DESC LIMIT ${SWEEPS_MAX}) s`;
  return {
    bins: new Statement<SweepBin>(
      `
SELECT ${instant('bin')} AS "at",
  ${wholeNumber('count(*)')} AS "sweeps", ${wholeNumber('sum(stuck)')} AS "stuck", ${wholeNumber('sum(failed)')} AS "failed",
  ${wholeNumber('max(duration_ms)')} AS "durationMaxMs", bool_or(held) AS "held"
FROM ${day}, LATERAL date_bin('${HISTORY_BIN_MINUTES} minutes', s.started_at, '1970-01-01 00:00:00+00'::timestamptz) bin
GROUP BY bin ORDER BY bin`,
      ['at'],
    ),
    marks: new Statement<Mark>(
      `
SELECT ${instant('s.started_at')} AS "at", m.mark ->> 'delegationId' AS "delegationId", m.mark ->> 'callerId' AS "callerId",
  m.mark ->> 'calleeId' AS "calleeId", m.mark ->> 'rule' AS "rule", m.mark ->> 'fromStatus' AS "fromStatus",
  (m.mark -> 'latenessMs')::json AS "latenessMs", (m.mark -> 'stuckAfterMs')::json AS "stuckAfterMs"
FROM (SELECT * FROM ${sweeps} WHERE started_at >= clock_timestamp() - interval '1 day' AND stuck + failed > 0
      ORDER BY started_at DESC LIMIT ${MARKS_MAX}) s,
  jsonb_array_elements(s.marks) WITH ORDINALITY m (mark, position)
ORDER BY s.started_at DESC, m.position DESC LIMIT ${MARKS_MAX}`,
      ['at'],
    ),
    callees: new Statement<CalleeCount>(`
SELECT c.callee ->> 'calleeId' AS "calleeId", ${wholeNumber("sum((c.callee ->> 'count')::bigint)")} AS "count"
FROM ${day}, jsonb_array_elements(s.callees) c (callee)
GROUP BY 1 ORDER BY sum((c.callee ->> 'count')::bigint) DESC, 1 LIMIT ${CALLEES_MAX}`),
    gaps: new Statement<History['gaps'][number]>(
      `
SELECT ${instant('gap_start')} AS "start", ${instant('gap_end')} AS "end" FROM ${gaps} WHERE gap_end > clock_timestamp() - interval '1 day'
ORDER BY gap_end DESC LIMIT ${GAPS_MAX}`,
      ['start', 'end'],
    ),
  };
}
