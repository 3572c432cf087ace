import { column, nullable, statement } from '../../../db/statement.ts';
import { statuses } from '../../../ledger/transitions.ts';
import { timestampOf } from '../../instant.ts';
import { ruleNames } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';

const MARKS_MAX = 10;

/** SQL: when its sweep was; where several were folded into one record, the mark says so itself. */
const markedAt = `coalesce(${timestampOf(`(m.mark ->> 'atUs')`)}, s.started_at)`;

/** The latest marks of the last day, newest first. */
export function recentMarksStatement({ sweeps }: SweeperTables) {
  return statement({
    columns: {
      at: column.instant(markedAt),
      delegationId: column.text(`m.mark ->> 'delegationId'`),
      callerId: column.text(`m.mark ->> 'callerId'`),
      calleeId: column.text(`m.mark ->> 'calleeId'`),
      rule: column.oneOf(ruleNames, `m.mark ->> 'rule'`),
      fromStatus: column.oneOf(statuses, `m.mark ->> 'fromStatus'`),
      latenessMs: column.wholeNumber(`m.mark ->> 'latenessMs'`),
      stuckAfterMs: column.wholeNumber(`m.mark ->> 'stuckAfterMs'`),
      probe: nullable(column.text(`m.mark ->> 'probe'`)),
    },
    sql: (columns) => `
SELECT ${columns}
FROM (SELECT * FROM ${sweeps} WHERE started_at >= clock_timestamp() - interval '1 day' AND stuck + failed > 0
      ORDER BY started_at DESC LIMIT ${MARKS_MAX}) s,
  jsonb_array_elements(s.marks) WITH ORDINALITY m (mark, position)
ORDER BY ${markedAt} DESC, m.position DESC LIMIT ${MARKS_MAX}`,
  });
}
