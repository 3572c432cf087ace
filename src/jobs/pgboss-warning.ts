import type { Warning } from 'pg-boss';

/**
 * pg-boss's types of warnings, each with the fields of its data that identify it. pg-boss writes the type into its
 * `warning` table, but passes it with the event for some types only (null here). The others are identified by fields that
 * no other type has. `unsupported_backend` is our name for the one warning without a type.
 */
export const warningFields = {
  slow_query: ['elapsed', 'sql'],
  queue_backlog: ['queuedCount'],
  clock_skew: ['seconds', 'direction'],
  invalid_schedule: ['queue', 'cron', 'timezone'],
  index_bloat: ['pages', 'entries'],
  xmin_horizon: ['holder', 'holderClass'],
  autovacuum_disabled: ['table', 'deadTuples', 'vacuumAgeSeconds'],
  monitor_backoff: ['backoffSeconds'],
  listen_notify_unavailable: null,
  transactional_pool_headroom: null,
  transaction_timeout_probe: null,
  start_retry: null,
  handler_overrun: null,
  unsupported_backend: ['backend'],
} as const satisfies Record<string, readonly string[] | null>;

export type PgBossWarningType = keyof typeof warningFields | 'unknown';

/** The type of a warning. Does not use the message, whose wording may change with any release. */
export function warningType({ data }: Pick<Warning, 'data'>): PgBossWarningType {
  const fields: object = data ?? {};
  if ('type' in fields && typeof fields.type === 'string' && Object.hasOwn(warningFields, fields.type)) {
    return fields.type as PgBossWarningType;
  }
  const known = Object.entries(warningFields).find(([, names]) => names?.every((name) => name in fields));
  return (known?.[0] as PgBossWarningType | undefined) ?? 'unknown';
}
