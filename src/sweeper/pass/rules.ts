import { literal } from '../../db/statement.ts';
import { type Status, sourcesOf } from '../../ledger/transitions.ts';
import { timestampOf } from '../instant.ts';

/**
 * A rule of the sweep, as SQL over a delegation `d`. The instants of the sweep are parameters of every statement that
 * uses a rule: $1 now, $2 the horizon, both in Micros.
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
const horizon = timestampOf('$2');
const [inProgress] = sourcesOf('stuck') as [Status];

/**
 * Past its deadline, whatever else it is. Index: delegations_deadline. It names the horizon only because PostgreSQL wants
 * every parameter to have a type.
 */
export const overdue: Rule = {
  name: 'overdue',
  to: 'failed',
  matches: `d.finished_at IS NULL AND d.deadline < ${now} AND $2::float8 IS NOT NULL`,
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
    AND d.deadline >= ${now}`,
  key: 'heartbeat_bucket',
  lateness: `${now} - d.last_heartbeat`,
  errorDetail: `'no heartbeat for ' || floor(extract(epoch FROM ${now} - d.last_heartbeat)) || 's'`,
};

export type RuleName = Rule['name'];

/** In the order in which a sweep applies them: what is both is overdue. */
export const rules = [overdue, stale] as const;
