import { literal } from '../../db/literal.ts';
import type { Parameter } from '../../db/parameter.ts';
import { parameter } from '../../db/statement.ts';
import { type Status, sourcesOf } from '../../ledger/transitions.ts';
import { timestampOf } from '../instant.ts';
import type { Staleness } from '../threshold/staleness.ts';

const staleness: Parameter<Staleness> = parameter.json;

/** What the rules judge by: parameters of every statement that uses one. */
export const ruleParameters = { now: parameter.micros, staleness };

/** A rule of the sweep, as SQL over a delegation `d`, with `ruleParameters`. */
export interface Rule {
  readonly name: 'overdue' | 'stale';
  readonly to: Status;
  /** What matches. Literals, so that the partial index below can be used by a generic plan. */
  readonly matches: string;
  /** The index column that orders the rule's rows, oldest first; the id breaks ties. */
  readonly key: string;
  /** How long ago it should have been heard or finished: an interval. */
  readonly lateness: string;
  /** The row's error_detail. */
  readonly errorDetail: string;
}

const horizon = timestampOf(`($staleness ->> 'horizonUs')`);

/** Removed by the planner when the list is empty. */
const none = (list: 'spared' | 'jumps') => `jsonb_array_length($staleness -> '${list}') = 0`;

/** Last heard in a range that a lowered threshold spares: see sparedRanges(). */
const notSpared = `(${none('spared')} OR NOT EXISTS (
      SELECT FROM jsonb_array_elements($staleness -> 'spared') range
      WHERE d.last_heartbeat >= ${timestampOf(`(range.value ->> 'fromUs')`)}
        AND d.last_heartbeat < ${timestampOf(`(range.value ->> 'untilUs')`)}))`;

/** The instant before which a deadline must lie when the clock was set forward after the row was created: see isOverdue(). */
const onItsClock = (instant: string) => `(${instant} - (
      SELECT coalesce(sum((jump.value ->> 'lengthUs')::float8), 0) FROM jsonb_array_elements($staleness -> 'jumps') jump
      WHERE d.created_at <= ${timestampOf(`(jump.value ->> 'startUs')`)}) * interval '1 microsecond')`;

/** SQL: the deadline rule does not match the row at this instant. */
export function isNotOverdue(instant: string): string {
  return `(d.deadline >= ${instant} OR NOT ${none('jumps')} AND d.deadline >= ${onItsClock(instant)})`;
}

const [inProgress] = sourcesOf('stuck') as [Status];

/** Past its deadline, in whatever state. Index: delegations_deadline. */
export const overdue: Rule = {
  name: 'overdue',
  to: 'failed',
  matches: `d.finished_at IS NULL AND d.deadline < $now AND (${none('jumps')} OR d.deadline < ${onItsClock('$now')})`,
  key: 'deadline',
  lateness: `$now - d.deadline`,
  errorDetail: `'deadline exceeded'`,
};

/**
 * Silent for longer than the threshold of observed time. The bucket says the same as the heartbeat, coarser, and is what
 * the index delegations_heartbeat_bucket holds.
 */
export const stale: Rule = {
  name: 'stale',
  to: 'stuck',
  matches: `d.status = ${literal(inProgress)} AND d.heartbeat_bucket <= ${horizon} AND d.last_heartbeat < ${horizon}
    AND ${notSpared} AND ${isNotOverdue('$now')}`,
  key: 'heartbeat_bucket',
  lateness: `$now - d.last_heartbeat`,
  errorDetail: `'no heartbeat for ' || floor(extract(epoch FROM $now - d.last_heartbeat)) || 's'`,
};

export type RuleName = Rule['name'];

/** In the order in which a sweep applies them: a row that matches both is overdue. */
export const rules = [overdue, stale] as const;

/**
 * SQL: a rule's rows in the order of its index. A mere count does not need the order, but it keeps the planner on the
 * index: with statistics from when everything was in progress it would read the table instead.
 */
export function inOrder({ key }: Rule): string {
  return `ORDER BY d.${key}, d.delegation_id`;
}
