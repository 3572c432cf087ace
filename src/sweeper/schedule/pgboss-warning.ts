import type { Warning } from 'pg-boss';

/**
 * By what the data of each of pg-boss's warnings is known, under the name of its type. pg-boss writes the type into its
 * `warning` table, but hands it over with the event for some types only (null here). The others are known by fields that
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

/** Never judges by the message, which is prose that any release may word anew. */
export function warningType({ data }: Pick<Warning, 'data'>): PgBossWarningType {
  const fields: object = data ?? {};
  if ('type' in fields && typeof fields.type === 'string' && Object.hasOwn(warningFields, fields.type)) {
    return fields.type as PgBossWarningType;
  }
  const known = Object.entries(warningFields).find(([, names]) => names?.every((name) => name in fields));
  return (known?.[0] as PgBossWarningType | undefined) ?? 'unknown';
}
