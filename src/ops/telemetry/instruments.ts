/**
 * Every instrument: its name without the prefix `delegation_sweeper.`, its meaning, and every label with all values that
 * it can take. docs/observability.md is generated from this; alerts and dashboards depend on it.
 *
 * OpenTelemetry's conventions: the unit is a field and not in the name, and attributes have our namespace, `error.type` aside.
 * prometheus-names.ts has the names of /metrics.
 */
import { damageKinds } from '../../log/catalogue/damage-kinds.ts';
import { probeOutcomes } from '../../log/catalogue/probe-outcomes.ts';
import { ERROR_TYPE, errorClasses } from '../../log/error-class.ts';

export const PREFIX = 'delegation_sweeper.';

export interface Instrument {
  readonly kind: 'counter' | 'histogram' | 'gauge';
  readonly help: string;
  readonly unit?: 's';
  /** Null: one value, fixed for the life of the process. */
  readonly labels?: Readonly<Record<string, readonly string[] | null>>;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

const rule = ['stale', 'stalled', 'overdue'];

export const instruments = {
  sweeps: {
    kind: 'counter',
    help: 'Sweeps of this replica, by what triggered them and how they ended',
    labels: { trigger: ['cron', 'startup', 'manual', 'due'], outcome: ['completed', 'held', 'truncated', 'failed'] },
  },
  sweep_duration: {
    kind: 'histogram',
    help: 'How long a sweep took; of failed ones with the class of the error',
    unit: 's',
    labels: { [ERROR_TYPE]: errorClasses },
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  },
  marked: { kind: 'counter', help: 'Delegations that this replica marked, by rule', labels: { rule } },
  retried: { kind: 'counter', help: 'Delegations that this replica tried again when it marked them stuck' },
  detection_latency: {
    kind: 'histogram',
    help: 'From the moment that a delegation began to match its rule, in observed time, to its mark',
    unit: 's',
    labels: { rule },
    buckets: [1, 5, 10, 15, 30, 45, 60, 75, 90, 120, 180, 300, 600, 1800, 3600],
  },
  reconciles: {
    kind: 'counter',
    help: 'Comparisons of all delegations with their activity by this replica, by how they ended',
    labels: { outcome: ['completed', 'interrupted', 'failed'] },
  },
  healed: {
    kind: 'counter',
    help: 'Delegations that this replica healed since they disagreed with their activity, by what was wrong',
    labels: { kind: damageKinds },
  },
  not_healed: {
    kind: 'counter',
    help: 'Delegations that disagree with their activity and that this replica could not heal, by why',
    labels: { why: ['impossible', 'locked', 'failed'] },
  },
  probes: {
    kind: 'counter',
    help: 'Agents that this replica asked for their tasks before it gave these up, by what came of it',
    labels: { outcome: probeOutcomes },
  },
  probe_duration: {
    kind: 'histogram',
    help: 'From the question to the taken answer',
    unit: 's',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  prunes: {
    kind: 'counter',
    help: 'Prunes of this replica, by how they ended',
    labels: { outcome: ['completed', 'interrupted', 'failed'] },
  },
  pruned: {
    kind: 'counter',
    help: 'Rows that the retention removed, by this replica',
    labels: { table: ['delegations', 'activity_logs'] },
  },
  webhook_posts: {
    kind: 'counter',
    help: 'Attempts of this replica to deliver to the webhook; failed: tried again, dead: a dead letter now',
    labels: { outcome: ['delivered', 'failed', 'dead'] },
  },
  webhook_post_duration: {
    kind: 'histogram',
    help: 'How long an attempt to deliver to the webhook took',
    unit: 's',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  unobserved: {
    kind: 'counter',
    help: 'Unobserved time, which does not count as silence, as found by this replica',
    unit: 's',
  },
  database_errors: {
    kind: 'counter',
    help: 'Errors of the database that this replica met, by class',
    labels: { class: errorClasses },
  },
  database_up: { kind: 'gauge', help: '1 when the status could be read from the database, 0 when not' },
  poisoned: { kind: 'gauge', help: 'Rows that the last sweep of any replica could not update' },
  remaining: { kind: 'gauge', help: 'Rows that still matched a rule when the last sweep ended, counted to 10,000' },
  storm: {
    kind: 'gauge',
    help: '1 for the state of the storm guard: calm; held, it holds the rules stale and stalled; released, STORM_MAX_HOLD has passed and it marks a share per sweep',
    labels: { state: ['calm', 'held', 'released'] },
  },
  storm_held: { kind: 'gauge', help: '1 while the storm guard holds the rules stale and stalled' },
  operator_hold: {
    kind: 'gauge',
    help: 'How long an operator has held the rules stale and stalled; 0 while none does',
    unit: 's',
  },
  last_day_stuck: { kind: 'gauge', help: 'Delegations marked stuck in the last 24 hours, by any replica' },
  last_day_stalled: { kind: 'gauge', help: 'Of these, those without progress; the others were silent' },
  last_day_retried: { kind: 'gauge', help: 'Of the delegations marked stuck, those that a sweep tried again' },
  last_day_late_results: {
    kind: 'gauge',
    help: 'Of the delegations marked stuck, those that still delivered a result: false positives; counted to 10,000',
  },
  last_day_unobserved: { kind: 'gauge', help: 'Unobserved time in the last 24 hours', unit: 's' },
  delegations: {
    kind: 'gauge',
    help: 'Open delegations by status, exact up to a million of them; counting takes at most 1 % of the time',
    labels: { status: ['queued', 'dispatched', 'in_progress'] },
  },
  delegations_capped: { kind: 'gauge', help: '1 when there are more open delegations than were counted' },
  delegations_waiting: { kind: 'gauge', help: 'Open delegations that wait, counted with delegations' },
  delegations_own_threshold: {
    kind: 'gauge',
    help: 'Open delegations with a threshold of their own, counted with delegations',
  },
  oldest_wait: {
    kind: 'gauge',
    help: 'How long the longest of these waits has lasted; 0 when none waits',
    unit: 's',
  },
  oldest_silence: {
    kind: 'gauge',
    help: 'Silence, by the clock, of the delegation in progress that is closest to its threshold or furthest past it, without those that wait; absent when there is none',
    unit: 's',
  },
  oldest_silence_allowed: {
    kind: 'gauge',
    help: "That delegation's threshold: its own, or STUCK_AFTER",
    unit: 's',
  },
  oldest_overdue: {
    kind: 'gauge',
    help: 'How far the most overdue open delegation is past its deadline; 0 when none is overdue',
    unit: 's',
  },
  since_last_sweep: {
    kind: 'gauge',
    help: 'Time since the last successful sweep by any replica; keeps growing while the database cannot be read',
    unit: 's',
  },
  stuck_after: { kind: 'gauge', help: 'The threshold STUCK_AFTER', unit: 's' },
  clock_skew: { kind: 'gauge', help: "This host's clock minus the database's", unit: 's' },
  webhook_waiting: {
    kind: 'gauge',
    help: 'Posts to the webhook that wait for an attempt, of any replica; counted to 10,000',
  },
  webhook_oldest_waiting: {
    kind: 'gauge',
    help: 'How long the oldest of these waits; 0 when none does',
    unit: 's',
  },
  webhook_dead: { kind: 'gauge', help: 'Dead letters of the webhook; counted to 10,000' },
  pool_connections: {
    kind: 'gauge',
    help: "Connections of the sweeper's pool",
    labels: { state: ['in_use', 'idle'] },
  },
  pool_waiting: { kind: 'gauge', help: 'Queries that wait for a connection of that pool' },
  build_info: { kind: 'gauge', help: 'Always 1; the labels have the versions', labels: { version: null, node: null } },
} as const satisfies Record<string, Instrument>;

/** Labels as attributes: with the namespace. */
export function attributesOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([label, value]) => [label === ERROR_TYPE ? label : PREFIX + label, value]),
  );
}

export type InstrumentName = keyof typeof instruments;

/** The names of the instruments of this kind. */
export type NameOf<Kind extends Instrument['kind']> = {
  [N in InstrumentName]: (typeof instruments)[N]['kind'] extends Kind ? N : never;
}[InstrumentName];
