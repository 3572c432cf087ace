import { literal } from '../../db/positional-statement.ts';
import { type Status, sourcesOf } from '../../ledger/transitions.ts';
import { timestampOf } from '../instant.ts';

/**
 * A rule of the sweep, as SQL over a delegation `d`. What it judges by are parameters of every statement that uses a
 * rule: $1 now, in Micros, and $2 a Staleness, as JSON.
 */
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

const now = timestampOf('$1');
const horizon = timestampOf(`($2::jsonb ->> 'horizonUs')`);

/** Folded away while a statement is planned, when the list is empty. */
const none = (list: 'spared' | 'jumps', staleness = '$2') => `jsonb_array_length(${staleness}::jsonb -> '${list}') = 0`;

/** Last heard in a range that a lowered threshold leaves alone: see sparedRanges(). */
const notSpared = `(${none('spared')} OR NOT EXISTS (
      SELECT FROM jsonb_array_elements($2::jsonb -> 'spared') range
      WHERE d.last_heartbeat >= ${timestampOf(`(range.value ->> 'fromUs')`)}
        AND d.last_heartbeat < ${timestampOf(`(range.value ->> 'untilUs')`)}))`;

/** The instant that a deadline has to lie before, where the clock was set forward after the row was created: see isOverdue(). */
const onItsClock = (instant: string, staleness: string) => `(${instant} - (
      SELECT coalesce(sum((jump.value ->> 'lengthUs')::float8), 0) FROM jsonb_array_elements(${staleness}::jsonb -> 'jumps') jump
      WHERE d.created_at <= ${timestampOf(`(jump.value ->> 'startUs')`)}) * interval '1 microsecond')`;

/** SQL: the row is not the deadline rule's at this instant. `staleness`: the parameter. */
export function isNotOverdue(instant: string, staleness: string): string {
  return `(d.deadline >= ${instant} OR NOT ${none('jumps', staleness)} AND d.deadline >= ${onItsClock(instant, staleness)})`;
}

const [inProgress] = sourcesOf('stuck') as [Status];

/** Past its deadline, whatever else it is. Index: delegations_deadline. */
export const overdue: Rule = {
  name: 'overdue',
  to: 'failed',
  matches: `d.finished_at IS NULL AND d.deadline < ${now} AND (${none('jumps')} OR d.deadline < ${onItsClock(now, '$2')})`,
  key: 'deadline',
  lateness: `${now} - d.deadline`,
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
    AND ${notSpared} AND ${isNotOverdue(now, '$2')}`,
  key: 'heartbeat_bucket',
  lateness: `${now} - d.last_heartbeat`,
  errorDetail: `'no heartbeat for ' || floor(extract(epoch FROM ${now} - d.last_heartbeat)) || 's'`,
};

export type RuleName = Rule['name'];

/** In the order in which a sweep applies them: what is both is overdue. */
export const rules = [overdue, stale] as const;
