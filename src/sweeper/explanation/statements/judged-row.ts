import type { RowOf } from '../../../db/column.ts';
import { literal } from '../../../db/literal.ts';
import { column, nullable, parameter, statement } from '../../../db/statement.ts';
import { delegationColumns } from '../../../ledger/statements/read.ts';
import { isInProgress } from '../../in-progress.ts';
import { wholeMsOf } from '../../instant.ts';
import { heardAt, isNotWaiting, progressedAt, silentAt, stalledAt, thresholdMs } from '../../pass/due-at.ts';
import { jumpedSinceCreated, type Rule, ruleParameters, rules } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';

const columnsOf = ({ notices }: SweeperTables) => ({
  ...delegationColumns,
  /** The scans whose rule it matches; at most one. */
  matches: column.json<readonly Rule['scan'][]>(
    `to_json(array_remove(ARRAY[${rules.map(({ scan, matches }) => `CASE WHEN ${matches} THEN ${literal(scan)} END`).join(', ')}], NULL))`,
  ),
  isInProgress: column.boolean(isInProgress),
  isWaiting: column.boolean(`NOT ${isNotWaiting()}`),
  /** What comes next means nothing unless it is in progress. */
  heardUs: nullable(column.micros(heardAt)),
  silentAtUs: nullable(column.micros(silentAt())),
  thresholdMs: nullable(column.wholeNumber(thresholdMs)),
  /** The longer threshold of its own, until it is heard. */
  ownLoweredFromMs: nullable(
    column.wholeNumber('CASE WHEN d.lowered_at >= d.last_heartbeat THEN d.lowered_from_ms END'),
  ),
  ownLoweredAtUs: nullable(column.micros('d.lowered_at')),
  progressedUs: nullable(column.micros(progressedAt)),
  stalledAtUs: nullable(column.micros(stalledAt())),
  jumpedMs: column.wholeNumber(wholeMsOf(jumpedSinceCreated)),
  deadlineUs: column.micros('d.deadline'),
  /** Its places in the orders of the rules. */
  heartbeatBucketUs: nullable(column.micros('d.heartbeat_bucket')),
  suspectAtUs: nullable(column.micros('d.suspect_at')),
  /** When its refused mark was last logged. */
  poisonedAt: nullable(
    column.instant(
      `(SELECT n.noticed_at FROM ${notices} n WHERE n.kind = 'poisoned' AND n.subject = d.delegation_id COLLATE "default")`,
    ),
  ),
});

export type JudgedRow = RowOf<ReturnType<typeof columnsOf>>;

/** One delegation, and what the sweep's rules make of it: the same SQL, over one row. */
export function judgedRowStatement(tables: SweeperTables) {
  return statement({
    parameters: { ...ruleParameters, delegationId: parameter.text },
    columns: columnsOf(tables),
    sql: (columns) => `SELECT ${columns} FROM ${tables.delegations} d WHERE d.delegation_id = $delegationId`,
  });
}
