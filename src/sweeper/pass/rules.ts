import type { Parameter } from '../../db/parameter.ts';
import { parameter } from '../../db/statement.ts';
import type { Status } from '../../ledger/transitions.ts';
import { isInProgress } from '../in-progress.ts';
import { FIRST_INSTANT, timestampOf } from '../instant.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { heardAt, isNotWaiting, progressedAt, silentAt, stalledAt, thresholdMs } from './due-at.ts';

const staleness: Parameter<Staleness> = parameter.json;

/** What the rules judge by: parameters of every statement that uses one. */
export const ruleParameters = { now: parameter.micros, staleness };

export type RuleName = 'overdue' | 'stale' | 'stalled';

export const ruleNames: readonly RuleName[] = ['overdue', 'stale', 'stalled'];

/**
 * A rule of the sweep, as SQL over a delegation `d`, with `ruleParameters`. `stale` has two, for the two kinds of rows:
 * the plain ones, for which one horizon is computed beforehand, and the special ones, each with its own threshold.
 * No row matches more than one. In the model: is_overdue, is_stale.
 */
export interface Rule {
  readonly name: RuleName;
  /** How its rows are found. */
  readonly scan: 'overdue' | 'stale' | 'staleSpecial' | 'stalled';
  readonly to: Extract<Status, 'stuck' | 'failed'>;
  /** What matches. Literals, so that the partial index of `key` can be used by a generic plan. */
  readonly matches: string;
  /** The index column that orders the rule's rows, oldest first; the id breaks ties. */
  readonly key: 'deadline' | 'heartbeat_bucket' | 'suspect_at';
  /** Its silence, its time without progress, or how long it is overdue: an interval. */
  readonly lateness: string;
  /** How long ago it came to match, in observed time: an interval. */
  readonly dueFor: string;
  /** The silence that was allowed, in ms; NULL where silence was not judged. */
  readonly thresholdMs: string;
  /** The beginning of the row's error_detail, when the lateness in seconds follows. */
  readonly errorDetail: { readonly text: string; readonly withSeconds: boolean };
}

/** SQL: the instant before which a plain row must have been heard to be stale. */
export const horizon = timestampOf(`($staleness ->> 'horizonUs')`);

/**
 * SQL: an interval. A row of an older release that `migrate up` has not corrected yet may have an infinite instant, from which
 * no time has passed that a number could say.
 */
const timeSince = (instant: string, until = '$now') => `${until} - greatest(${instant}, ${FIRST_INSTANT})`;

/** Removed by the planner when the list is empty. */
const none = (list: 'spared' | 'jumps') => `jsonb_array_length($staleness -> '${list}') = 0`;

/** Last heard in a range that a lowered threshold spares: see sparedRanges(). */
const notSpared = `(${none('spared')} OR NOT EXISTS (
      SELECT FROM jsonb_array_elements($staleness -> 'spared') range
      WHERE d.last_heartbeat >= ${timestampOf(`(range.value ->> 'fromUs')`)}
        AND d.last_heartbeat < ${timestampOf(`(range.value ->> 'untilUs')`)}))`;

/** SQL: by how much the clock was set forward since the row was created, an interval: see isOverdue(). */
export const jumpedSinceCreated = `(
      SELECT coalesce(sum((jump.value ->> 'lengthUs')::float8), 0) FROM jsonb_array_elements($staleness -> 'jumps') jump
      WHERE d.created_at <= ${timestampOf(`(jump.value ->> 'startUs')`)}) * interval '1 microsecond'`;

/** The instant before which a deadline must lie when the clock was set forward after the row was created. */
const onItsClock = (instant: string) => `(${instant} - ${jumpedSinceCreated})`;

/** SQL: the deadline rule does not match the row at this instant. */
export function isNotOverdue(instant: string): string {
  return `(d.deadline >= ${instant} OR NOT ${none('jumps')} AND d.deadline >= ${onItsClock(instant)})`;
}

/** Past its deadline, in any open status. Index: delegations_deadline. */
export const overdue: Rule = {
  name: 'overdue',
  scan: 'overdue',
  to: 'failed',
  matches: `d.finished_at IS NULL AND d.deadline < $now AND (${none('jumps')} OR d.deadline < ${onItsClock('$now')})`,
  key: 'deadline',
  lateness: timeSince('d.deadline'),
  dueFor: timeSince('d.deadline'),
  thresholdMs: 'NULL::float8',
  errorDetail: { text: 'deadline exceeded', withSeconds: false },
};

/**
 * A plain row, silent for longer than the threshold of observed time. The bucket is the heartbeat rounded down,
 * which the index delegations_heartbeat_plain holds.
 */
export const stale: Rule = {
  name: 'stale',
  scan: 'stale',
  to: 'stuck',
  matches: `${isInProgress} AND d.suspect_at IS NULL AND d.heartbeat_bucket <= ${horizon} AND d.last_heartbeat < ${horizon}
    AND ${notSpared} AND ${isNotOverdue('$now')}`,
  key: 'heartbeat_bucket',
  lateness: timeSince('d.last_heartbeat'),
  dueFor: timeSince('d.last_heartbeat', horizon),
  thresholdMs: `($staleness ->> 'stuckAfterMs')::float8`,
  errorDetail: { text: 'no heartbeat for ', withSeconds: true },
};

/**
 * SQL: a special row that no longer waits. suspect_at is a lower bound of the instant at which it can match a rule about
 * silence: the index delegations_suspect finds these rows by it, and the rule then judges them exactly.
 */
const isSuspect = `${isInProgress} AND d.suspect_at < ${timestampOf(`($staleness ->> 'suspectUs')`)} AND ${isNotWaiting()}`;

/** A special row, silent for longer than its own threshold. */
export const staleSpecial: Rule = {
  ...stale,
  scan: 'staleSpecial',
  matches: `${isSuspect} AND ${silentAt()} < $now AND ${isNotOverdue('$now')}`,
  key: 'suspect_at',
  lateness: timeSince(heardAt),
  dueFor: timeSince(silentAt()),
  thresholdMs,
};

/**
 * A special row that is heard, and has made no progress for longer than its own limit. One that is silent for too long is
 * left to the stale rule. The agent of one that has not been heard since it came due may be cut off: StalledGuard sets how
 * long it has to be heard.
 */
export const stalled: Rule = {
  name: 'stalled',
  scan: 'stalled',
  to: 'stuck',
  matches: `${isSuspect} AND ${stalledAt()} < $now AND ${silentAt()} >= $now AND ${isNotOverdue('$now')}
    AND ${stalledAt()} <= greatest(d.last_heartbeat, $now - ($staleness ->> 'unheardMs')::float8 * interval '1 millisecond')`,
  key: 'suspect_at',
  lateness: timeSince(progressedAt),
  dueFor: timeSince(stalledAt()),
  thresholdMs,
  errorDetail: { text: 'no progress for ', withSeconds: true },
};

/**
 * In the order in which a sweep applies them. Of the stale ones the special first: their thresholds are mostly the short
 * ones, and both share a budget.
 */
export const rules: readonly Rule[] = [overdue, staleSpecial, stale, stalled];

/** Whether the rule infers something from silence: an agent can be asked whether it is so. */
export function infersSilence({ name }: Pick<Rule, 'name'>): boolean {
  return name !== 'overdue';
}

/**
 * SQL: a rule's rows in the order of its index. A mere count does not need the order, but it keeps the planner on the
 * index: with statistics from when everything was in progress it would read the table instead.
 */
export function inOrder({ key }: Pick<Rule, 'key'>): string {
  return `ORDER BY d.${key}, d.delegation_id`;
}
