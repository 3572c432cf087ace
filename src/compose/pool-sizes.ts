import type { Config } from '../config/config.ts';

/** pg-boss's own pool: its worker, its supervision and its cron each use a connection for a moment at a time. */
export const PGBOSS_POOL_MAX = 2;
/** The ops server has its own pool, so that requests for the status never delay a sweep. */
export const OPS_POOL_MAX = 2;
/** Readiness has its own connection, so that slow or frequent readings of the page do not change its answer. */
export const READINESS_POOL_MAX = 1;
/** The same for many ledgers: those that hang have one of the two, together. */
export const MANY_READINESS_POOL_MAX = 2;
/** The pages about delegations have a connection of their own: what people ask for never delays status, metrics or readiness. */
export const CONSOLE_POOL_MAX = 1;

/** Connections that one daemon uses at most. */
export function daemonConnectionsMax({ dbPoolMax, dbSchemas }: Pick<Config, 'dbPoolMax' | 'dbSchemas'>): number {
  const readiness = dbSchemas === null ? READINESS_POOL_MAX : MANY_READINESS_POOL_MAX;
  return dbPoolMax + PGBOSS_POOL_MAX + OPS_POOL_MAX + readiness + CONSOLE_POOL_MAX;
}
